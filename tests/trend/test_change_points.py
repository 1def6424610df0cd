from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slimbench.trend.change_points import SHORTEST_LEVEL, level_starts
from tests.fresh_process import printed

RANDOM = np.random.default_rng


def noisy(levels: list[tuple[int, float]], seed: int = 0, noise: float = 0.03) -> list[float]:
    """Return runs at these levels, each so many, with noise that multiplies."""
    random = RANDOM(seed)
    middles = np.concatenate([np.full(count, level) for count, level in levels])
    return [float(value) for value in middles * np.exp(random.normal(0, noise, len(middles)))]


def timed(values: list[float]) -> tuple[int, ...]:
    return level_starts(values, exact=False)


@pytest.mark.parametrize("seed", range(5))
def test_lasting_steps_are_found_where_they_are(seed: int) -> None:
    found = timed(noisy([(40, 8.0), (30, 9.6), (50, 7.0)], seed))
    assert len(found) == 3
    assert found[0] == 0
    assert abs(found[1] - 40) <= 1
    assert abs(found[2] - 70) <= 1


def test_a_change_is_found_once_enough_runs_have_seen_it() -> None:
    before = noisy([(60, 8.0)])
    after = noisy([(SHORTEST_LEVEL, 12.0)], seed=1)
    assert timed(before + after[:-1]) == (0,)
    assert timed(before + after) == (0, 60)


@pytest.mark.parametrize("at", [0, 1, 20, 38, 39])
@pytest.mark.parametrize("slow", [1, 2, 3, 4])
def test_a_few_slow_runs_make_no_level(at: int, slow: int) -> None:
    values = noisy([(40, 8.0)], seed=2)
    for i in range(at, min(len(values), at + slow)):
        values[i] *= 50
    assert timed(values) == (0,)


def test_slow_runs_here_and_there_neither_make_nor_hide_a_level() -> None:
    values = noisy([(60, 8.0), (60, 10.0)], seed=3)
    for i in range(0, 120, 9):
        values[i] *= 3
    start, change = timed(values)
    assert start == 0
    assert abs(change - 60) <= 1


@pytest.mark.parametrize("at", range(33, 48))
def test_a_slow_run_beside_a_step_does_not_move_it(at: int) -> None:
    values = noisy([(40, 8.0), (40, 12.0)], seed=4)
    values[at] *= 30
    start, change = timed(values)
    assert start == 0
    assert change == (41 if at == 40 else 40)


def test_noise_alone_seldom_makes_a_level() -> None:
    random = RANDOM(7)
    marked = 0
    for length in (10, 15, 30, 100, 300):
        for _ in range(40):
            heavy = 8.0 * np.exp(0.03 * random.standard_t(3, length))
            marked += len(timed(heavy.tolist())) > 1
    assert marked <= 12  # of 200; the docstring says 5 in 100


def test_what_no_unpaired_time_can_tell_apart_is_one_level() -> None:
    assert timed([8.0, 8.01] * 5 + [8.02, 8.03] * 5) == (0,)
    assert timed([8.0] * 10 + [8.4] * 10) == (0, 10)


def test_too_few_runs_have_one_level() -> None:
    assert timed([]) == ()
    assert timed([8.0]) == (0,)
    assert timed([1.0] * (SHORTEST_LEVEL - 1) + [100.0] * SHORTEST_LEVEL) == (0,)
    assert timed([1.0] * SHORTEST_LEVEL + [100.0] * SHORTEST_LEVEL) == (0, SHORTEST_LEVEL)


def test_zeros_and_negative_values_have_no_logarithm_and_still_levels() -> None:
    assert timed([0.0] * 30) == (0,)
    assert timed([0.0, 1.0, 2.0] * 4 + [100.0, 101.0, 102.0] * 4) == (0, 12)
    assert timed([-1.0, -1.1, -0.9] * 4 + [1.0, 1.1, 0.9] * 4) == (0, 12)


def test_exact_figures_change_where_they_change() -> None:
    values = [5.0, 5.0, 6.0, 5.0, 5.0, 5.0000001]
    assert level_starts(values, exact=True) == (0, 2, 3, 5)
    assert level_starts([], exact=True) == ()


def test_many_changes_are_found_in_a_long_series() -> None:
    random = RANDOM(8)
    levels, level = [], 8.0
    for _ in range(40):
        level *= 1.15 if random.random() < 0.5 else 1 / 1.15
        levels.append((int(random.integers(SHORTEST_LEVEL, 300)), level))
    values = noisy(levels, seed=9)
    assert len(values) > 4000
    assert len(timed(values)) > 35


@given(
    values=st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=60),
    power=st.integers(-20, 20),
)
def test_levels_cover_all_runs_whatever_the_unit(values: list[float], power: int) -> None:
    found = timed(values)
    assert found[0] == 0
    assert all(
        stop - start >= SHORTEST_LEVEL
        for start, stop in zip(found, [*found[1:], len(values)], strict=True)
        if len(found) > 1
    )
    assert len(timed([value * 2.0**power for value in values])) == len(found)


def test_ruptures_is_loaded_for_noisy_figures_only() -> None:
    program = """
import sys
from slimbench.trend.change_points import level_starts
print(level_starts([8.0] * 20 + [9.0] * 20, exact=True), "ruptures" in sys.modules)
print(level_starts([8.0] * 20 + [9.0] * 20, exact=False), "ruptures" in sys.modules)
"""
    assert printed(program).splitlines() == ["(0, 20) False", "(0, 20) True"]
