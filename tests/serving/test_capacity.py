from __future__ import annotations

import json
import time
from dataclasses import replace
from itertools import count
from threading import Lock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slimbench.serving.capacity import ATTEMPTS, Trial, highest_rate, overload, recovery_s
from slimbench.serving.figures import Overload
from slimbench.serving.load import Clients, LoadResult, LoadTest
from slimbench.serving.messages import get
from tests.serving.small_server import port_of, serving

RIGHT = {"ok": True}


def served(*good: bool) -> LoadResult:
    """One request a second from second 100 on, each answered in 5 ms."""
    times = [float(number) for number in range(len(good))]
    statuses = [200 if each else 503 for each in good]
    return LoadResult(100.0, len(good), times, statuses, good, [5.0] * len(good), [0.0])


def test_recovery_is_when_the_last_bad_answer_is_past() -> None:
    result = served(True, False, False, True, False, True, True)
    assert recovery_s(result, 102.5, 50) == 2.5
    assert recovery_s(result, 105.5, 50) == 0.5
    assert recovery_s(result, 102.5, 4) is None  # all too slow
    assert recovery_s(served(True, True, False), 100.5, 50) is None
    assert recovery_s(result, 200, 50) is None


def test_a_server_is_flooded_probed_and_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("slimbench.serving.capacity.AFTER_S", 0.5)
    numbers, lock = count(), Lock()

    def answer() -> tuple[int, bytes]:
        with lock:
            number = next(numbers)
        time.sleep(0.001)
        return (503, b"{}") if number % 3 == 0 else (200, json.dumps(RIGHT).encode())

    with serving(answer) as server:
        asked = LoadTest(port_of(server), (get("/"),), (RIGHT,), Clients(1, 0))
        found = overload(asked, 20, 5, 0.5, limit_ms=1000)
    assert set(found.statuses) == {"200", "503"}
    assert found.offered_per_s == 100
    assert found.livez_failed > 0  # a third of the probes were refused
    assert found.failed >= found.livez_failed


GOOD = Overload(10, 1, 100, {"200": 5, "503": 2}, 0, 9, 1.0, 0, 0.5)


def test_everything_that_is_neither_right_nor_refused_counts_as_failed() -> None:
    assert GOOD.failed == 0
    assert replace(GOOD, statuses={"0": 2, "200": 1, "500": 3, "503": 1}).failed == 5
    assert replace(GOOD, wrong=1).failed == 1
    assert replace(GOOD, livez_failed=2).failed == 2
    assert replace(GOOD, recovery_s=None).failed == 1


def up_to(capacity: float):
    return lambda rate: Trial(rate, 1.0 if rate <= capacity else None, rate <= capacity)


@given(st.floats(1, 1000), st.integers(1, 6))
def test_the_highest_rate_is_sustained_and_within_its_factor_of_the_truth(
    capacity: float, steps: int
) -> None:
    best, trials = highest_rate(up_to(capacity), 1, 1024, steps)
    assert best is not None
    assert best.rate_per_s <= capacity
    assert capacity <= best.rate_per_s * 1024 ** (1 / 2**steps) * 1.000001
    assert best in trials


def test_it_looks_lower_where_the_first_rate_is_too_high() -> None:
    best, _ = highest_rate(up_to(3), 10, 60, 4)
    assert best is not None
    assert 2.4 < best.rate_per_s <= 3


def test_a_server_that_sustains_no_rate_has_none() -> None:
    best, trials = highest_rate(up_to(0), 8, 60, 3)
    assert best is None
    assert [each.rate_per_s for each in trials[::ATTEMPTS]] == [8, 4, 2, 1]


def test_one_bad_moment_does_not_decide() -> None:
    once = iter([False, *[True] * 100])
    best, trials = highest_rate(lambda rate: Trial(rate, 1.0, next(once)), 10, 20, 2)
    assert best is not None
    assert best.rate_per_s > 16
    assert [trial.sustained for trial in trials] == [False, True, True, True]


@pytest.mark.parametrize(("low", "high"), [(0, 1), (2, 2), (3, 1)])
def test_rates_have_to_ascend(low: float, high: float) -> None:
    with pytest.raises(ValueError, match="cannot be searched"):
        highest_rate(up_to(1), low, high, 2)
