from __future__ import annotations

import itertools
import statistics
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.stats import permutation_test

from slimbench.gate import statistic
from tests.examples import examples


def check_against_all_flips(ratios: list[float], margin: float) -> None:
    """Count in fractions, so that equal sums are equal; many are, as clipped sizes are alike."""
    exact = [Fraction(ratio) - Fraction(margin) for ratio in ratios]
    most = statistics.median(abs(ratio) for ratio in exact)
    clipped = [max(-most, min(most, ratio)) for ratio in exact]
    seen = sum(clipped)
    flips = [
        sum(sign * size for sign, size in zip(signs, clipped, strict=True))
        for signs in itertools.product((-1, 1), repeat=len(clipped))
    ]
    above = Fraction(sum(flip >= seen for flip in flips), len(flips))
    below = Fraction(sum(flip <= seen for flip in flips), len(flips))
    assert statistic.p_above(ratios, margin) == float(above)
    assert statistic.p_below(ratios, margin) == float(below)
    if not margin:
        assert statistic.p_off(ratios) == min(1.0, 2 * float(min(above, below)))


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=examples(50))
@example(70)  # the observed sum is nearly 0, and others equal it only before rounding
def test_the_p_value_is_the_share_of_sign_flips_that_are_as_extreme(seed: int) -> None:
    rng = np.random.default_rng(seed)
    check_against_all_flips([float(ratio) for ratio in rng.normal(0, 0.2, rng.integers(4, 9))], 0.0)


@given(
    st.lists(st.integers(-9, 9).map(float) | st.floats(-1, 1), min_size=2, max_size=8),
    st.sampled_from([0.0, 0.03, 1.0]),
)
@settings(max_examples=examples(100))
@example([1.0, 3.0, -4.0, 7.0, 7.0, -7.0, -7.0], 0.0)  # 1 + 3 = 4, but not in rounded sevenths
@example([1e300, -1e300, 5e-324, 2.0], 0.03)  # further apart than any float has digits
def test_sums_are_equal_where_they_are_and_not_by_rounding(
    ratios: list[float], margin: float
) -> None:
    check_against_all_flips(ratios, margin)


@pytest.mark.parametrize("step", [1.0, 2.0**-60])
def test_sums_of_flips_that_are_drawn_are_as_exact(step: float) -> None:
    whole = np.array([1, 3, -4, 2, -5, 6, 1, -2, *[7, -7] * 5, 7])
    drawn = permutation_test(
        (whole,),
        np.sum,
        permutation_type="samples",
        n_resamples=statistic.FLIPS,
        alternative="greater",
        rng=statistic.SEED,
    )
    assert np.count_nonzero(drawn.null_distribution == whole.sum()) > 100  # ties
    assert statistic.p_above([float(each) * step for each in whole], 0.0) == drawn.pvalue


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_rejects_what_its_step_down_procedure_rejects(p_values: list[float]) -> None:
    level = 0.05
    rejected = set()
    for step, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        if p_values[index] * (len(p_values) - step) > level:
            break
        rejected.add(index)
    adjusted = statistic.holm(p_values)
    assert {index for index, value in enumerate(adjusted) if value <= level} == rejected


def test_holm_of_a_published_example() -> None:
    assert statistic.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert statistic.holm([]) == []


def test_one_spoilt_process_moves_neither_estimate_nor_verdict() -> None:
    quiet = list(np.random.default_rng(3).normal(0.05, 0.005, 12))
    spoilt = [*quiet[:-1], -0.4]
    assert statistic.centre(spoilt) == pytest.approx(statistic.centre(quiet), abs=0.003)
    assert statistic.p_above(spoilt, 0.03) < 0.05


def test_the_interval_is_the_same_for_the_same_ratios_and_holds_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(5)
    samples = [list(rng.normal(0.02, 0.01, 24)) for _ in range(120)]
    assert statistic.interval(samples[0]) == statistic.interval(list(samples[0]))
    held = [low <= 0.02 <= high for low, high in map(statistic.interval, samples)]
    assert 0.86 <= np.mean(held) <= 1.0


def test_a_quarter_of_spoilt_processes_does_not_hide_a_clear_slowdown() -> None:
    rng = np.random.default_rng(11)
    found = 0
    for _ in range(40):
        ratios = rng.normal(0.08, 0.005, 24)
        ratios[:6] += rng.choice([-0.4, 0.4], 6)
        found += statistic.p_above(list(ratios), 0.03) <= 0.025
    assert found >= 34


@pytest.mark.parametrize("odd", [0, 1])
def test_ratios_that_are_alike_have_an_interval_of_one_point(odd: int) -> None:
    ratios = [0.1] * (12 - odd) + [0.5] * odd
    assert statistic.interval(ratios) == pytest.approx((0.1, 0.1), abs=0.07)
    assert statistic.interval([0.0] * 12) == (0.0, 0.0)


def test_more_processes_are_asked_for_the_closer_it_is() -> None:
    noise = np.random.default_rng(2).normal(0, 0.02, 24)
    noise -= statistic.centre(noise)
    near = statistic.processes_to_decide(list(noise + 0.035), 0.03, 0.025)
    far = statistic.processes_to_decide(list(noise + 0.04), 0.03, 0.025)
    assert near is not None
    assert far is not None
    assert 24 < far < near
    assert statistic.processes_to_decide(list(noise + 0.03), 0.03, 0.025) is None
