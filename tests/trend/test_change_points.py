from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruptures.detection import KernelCPD

from slimbench.trend.change_points import (
    SETTLED,
    SHORTEST_LEVEL,
    STRETCH,
    by_stretches,
    level_starts,
    pelt,
)
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


def long(values: list[float]) -> tuple[int, ...]:
    return by_stretches(values, timed)


@pytest.mark.parametrize("length", [0, 1, SHORTEST_LEVEL, 400, STRETCH])
def test_up_to_a_stretch_all_runs_are_looked_at_together(length: int) -> None:
    values = noisy([(length // 2, 8.0), (length - length // 2, 10.0)], seed=5)
    assert long(values) == timed(values)


@pytest.mark.parametrize(
    "at",
    [
        SHORTEST_LEVEL,
        STRETCH // 2 - 2,
        STRETCH // 2 + 2,
        SETTLED - 1,
        SETTLED,
        SETTLED + 1,
        STRETCH - SHORTEST_LEVEL + 1,
        STRETCH,
        STRETCH + 3,
        2 * STRETCH,
        3 * STRETCH - SHORTEST_LEVEL,
    ],
)
def test_a_change_is_found_wherever_it_lies_in_a_stretch(at: int) -> None:
    values = noisy([(at, 8.0), (3 * STRETCH - at, 10.0)], seed=6)
    assert long(values) == timed(values) == (0, at)


def test_many_changes_are_found_as_in_the_whole_series() -> None:
    random = RANDOM(8)
    levels, level = [], 8.0
    for _ in range(40):
        level *= 1.15 if random.random() < 0.5 else 1 / 1.15
        levels.append((int(random.integers(SHORTEST_LEVEL, 300)), level))
    values = noisy(levels, seed=9)
    assert len(values) > 4 * STRETCH
    assert long(values) == timed(values)
    assert len(timed(values)) > 35


def test_a_new_run_changes_nothing_but_the_last_stretch() -> None:
    values = noisy([(700, 8.0), (1500, 9.0), (1300, 8.0)], seed=10)
    seen: set[tuple[float, ...]] = set()
    fresh: list[int] = []

    def look(stretch: Sequence[float]) -> tuple[int, ...]:
        assert len(stretch) <= STRETCH
        if tuple(stretch) not in seen:
            seen.add(tuple(stretch))
            fresh.append(len(stretch))
        return timed(list(stretch))

    before = by_stretches(values[:-1], look)
    assert len(fresh) > 3
    fresh.clear()
    assert by_stretches(values, look) == before
    assert len(fresh) == 1


@given(
    steps=st.lists(st.tuples(st.integers(1, 900), st.floats(1, 100)), min_size=1, max_size=6),
    seed=st.integers(0, 99),
)
def test_stretches_cover_all_runs_whatever_happens_in_them(
    steps: list[tuple[int, float]], seed: int
) -> None:
    values = noisy(steps, seed)
    found = long(values)
    assert found[0] == 0
    assert all(
        b - a >= SHORTEST_LEVEL for a, b in pairwise([*found, len(values)]) if len(found) > 1
    )


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


def as_published(signal: npt.NDArray[np.float64], penalty: float, shortest: int) -> tuple[int, ...]:
    """Return where segments begin by ruptures' public and documented way."""
    found = KernelCPD(kernel="linear", min_size=shortest).fit(signal[:, np.newaxis])
    return (0, *found.predict(pen=penalty)[:-1])


@pytest.mark.parametrize("length", [4, 5, 10, 40, 200, 1000])
@pytest.mark.parametrize("shortest", [1, 2])
def test_it_cuts_as_ruptures_itself_does(length: int, shortest: int) -> None:
    random = np.random.default_rng(length)
    cuts = set()
    for step in (0.0, 1.0, 3.0, 10.0):
        for penalty in (2.0, 10.0, 40.0):
            signal = random.standard_t(3, length)
            for start in random.integers(0, length, 3):
                signal[start:] += step * random.choice([-1, 1])
            found = pelt(signal, penalty, shortest)
            assert found == as_published(signal, penalty, shortest)
            cuts.add(len(found))
    assert len(cuts) > 1


@pytest.mark.parametrize("first", ["ruptures", "slimbench.trend.change_points"])
def test_ruptures_can_be_used_as_a_whole_beside_it(first: str) -> None:
    program = """
import importlib, sys
import numpy as np
signal = np.repeat([0.0, 9.0], 20)
importlib.import_module(sys.argv[1])
from slimbench.trend.change_points import pelt
print(pelt(signal, 5.0, 5))
import ruptures
print(*ruptures.KernelCPD("linear", 5).fit(signal).predict(pen=5.0))
print(pelt(signal, 5.0, 5))
"""
    assert printed(program, first).splitlines() == ["(0, 20)", "20 40", "(0, 20)"]


def test_no_scipy_is_loaded_for_it() -> None:
    program = """
import sys
import numpy as np
from slimbench.trend.change_points import level_starts
assert level_starts([8.0] * 20 + [9.0] * 20, exact=False) == (0, 20)
print("numpy" in sys.modules, "scipy" in sys.modules)
"""
    assert printed(program).split() == ["True", "False"]
