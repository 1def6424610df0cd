from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slimbench.serving.rate import ATTEMPTS, Trial, highest_rate


def up_to(capacity: float):
    return lambda rate: Trial(rate, 1.0 if rate <= capacity else None, rate <= capacity)


@given(st.floats(1, 1000), st.integers(1, 6))
def test_the_answer_is_kept_and_within_its_factor_of_the_truth(capacity: float, steps: int) -> None:
    best, trials = highest_rate(up_to(capacity), 1, 1024, steps)
    assert best is not None
    assert best.rate_per_s <= capacity
    assert capacity <= best.rate_per_s * 1024 ** (1 / 2**steps) * 1.000001
    assert best in trials


def test_it_looks_lower_where_the_first_rate_is_too_high() -> None:
    best, _ = highest_rate(up_to(3), 10, 60, 4)
    assert best is not None
    assert 2.4 < best.rate_per_s <= 3


def test_a_server_that_keeps_no_rate_has_none() -> None:
    best, trials = highest_rate(up_to(0), 8, 60, 3)
    assert best is None
    assert [each.rate_per_s for each in trials[::ATTEMPTS]] == [8, 4, 2, 1]


def test_one_bad_moment_does_not_decide() -> None:
    once = iter([False, *[True] * 100])
    best, trials = highest_rate(lambda rate: Trial(rate, 1.0, next(once)), 10, 20, 2)
    assert best is not None
    assert best.rate_per_s > 16
    assert [each.kept for each in trials] == [False, True, True, True]


@pytest.mark.parametrize(("low", "high"), [(0, 1), (2, 2), (3, 1)])
def test_rates_have_to_ascend(low: float, high: float) -> None:
    with pytest.raises(ValueError, match="cannot be searched"):
        highest_rate(up_to(1), low, high, 2)
