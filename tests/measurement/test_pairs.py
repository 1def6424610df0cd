from __future__ import annotations

import gc
import statistics
from collections import Counter
from dataclasses import dataclass, field
from itertools import groupby
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slimbench.measurement.pairs import PairedRatio, paired_ratio, take_rounds, timed_block


@dataclass
class Machine:
    """A clock that only invocations move, and a diary of them."""

    now: float = 0.0
    diary: list[tuple[str, float]] = field(default_factory=list)

    def clock(self) -> float:
        return self.now

    def model(self, name, seconds):
        """A model that takes `seconds`, or `seconds(machine)`, an invocation."""

        def invoke():
            took = seconds(self) if callable(seconds) else seconds
            self.now += took
            self.diary.append((name, took))

        return invoke

    def turns(self) -> list[tuple[str, int]]:
        """Which side ran and how often in a row."""
        return [
            (name, len(list(group))) for name, group in groupby(self.diary, lambda each: each[0])
        ]


def ratio_of(machine, variant, reference, *, pairs=4, seconds=0.2, invocations=5, seed=0):
    return paired_ratio(
        machine.model("variant", variant),
        machine.model("reference", reference),
        pairs=pairs,
        block_seconds=seconds,
        block_invocations=invocations,
        rng=Random(seed),  # noqa: S311
        clock=machine.clock,
    )


def test_a_model_twice_as_fast_has_a_ratio_of_two():
    ratio = ratio_of(Machine(), variant=0.005, reference=0.010)
    assert ratio.median == pytest.approx(2)
    assert ratio.ratios == pytest.approx((2, 2, 2, 2))


def test_a_fast_model_fills_the_block_and_its_first_invocation_is_not_timed():
    machine = Machine()
    first = [0.5]
    call = machine.model("m", lambda _: first.pop() if first else 0.015625)
    times = timed_block(call, seconds=0.125, invocations=5, clock=machine.clock)
    assert times == [0.015625] * 8
    assert len(machine.diary) == 1 + 8


def test_a_slow_model_still_gets_its_invocations():
    machine = Machine()
    timed_block(machine.model("m", 1.0), seconds=0.2, invocations=5, clock=machine.clock)
    assert len(machine.diary) == 1 + 5


def test_a_block_is_not_moved_by_one_slow_invocation():
    machine = Machine()
    call = machine.model("m", lambda machine: 0.1 if len(machine.diary) == 3 else 0.01)
    times = timed_block(call, seconds=0.2, invocations=5, clock=machine.clock)
    assert max(times) == pytest.approx(0.1)
    assert statistics.median(times) == pytest.approx(0.01)


def test_one_disturbed_pair_does_not_move_the_result():
    calls = iter(range(10**6))
    ratio = ratio_of(
        Machine(),
        variant=lambda _: 0.05 if next(calls) < 6 else 0.01,
        reference=0.01,
        pairs=5,
    )
    assert ratio.ratios == pytest.approx((0.2, 1, 1, 1, 1))
    assert ratio.median == pytest.approx(1)


def test_a_machine_that_slows_down_slows_both_sides():
    ratio = ratio_of(
        Machine(),
        variant=lambda machine: 0.004 * (1 + machine.now / 10),
        reference=lambda machine: 0.008 * (1 + machine.now / 10),
        pairs=8,
    )
    assert ratio.median == pytest.approx(2, rel=0.03)


def test_sides_take_turns_in_blocks_of_random_order():
    machine = Machine()
    ratio_of(machine, variant=0.0625, reference=0.0625, pairs=200, seconds=0.25, invocations=1)
    firsts = Counter()
    names = [name for name, _ in machine.diary]
    block = 1 + 4
    for start in range(0, len(names), 2 * block):
        one, other = names[start : start + block], names[start + block : start + 2 * block]
        assert len(set(one)) == len(set(other)) == 1
        assert one[0] != other[0]
        firsts[one[0]] += 1
    assert sum(firsts.values()) == 200
    assert min(firsts.values()) > 60


def test_equal_seeds_take_equal_turns():
    first, again, other = Machine(), Machine(), Machine()
    for machine, seed in ((first, 1), (again, 1), (other, 2)):
        ratio_of(machine, variant=0.01, reference=0.02, pairs=20, seed=seed)
    assert first.turns() == again.turns() != other.turns()


@given(st.floats(1e-4, 10), st.floats(1e-4, 10), st.integers(1, 4), st.integers(0, 2**32))
def test_swapping_the_sides_inverts_the_ratio(own, reference, pairs, seed):
    settings = {"pairs": pairs, "seconds": 0.001, "invocations": 2, "seed": seed}
    there = ratio_of(Machine(), own, reference, **settings)
    back = ratio_of(Machine(), reference, own, **settings)
    assert there.median * back.median == pytest.approx(1, rel=1e-3)
    assert len(there.ratios) == pairs


@pytest.mark.parametrize("enabled", [True, False])
def test_the_garbage_collector_rests_while_timing_and_is_left_as_it_was(enabled):
    machine, seen = Machine(), []

    def look(_):
        seen.append(gc.isenabled())
        if len(seen) == 30:
            raise RuntimeError("the model failed")
        return 0.01

    was = gc.isenabled()
    try:
        (gc.enable if enabled else gc.disable)()
        with pytest.raises(RuntimeError, match="the model failed"):
            ratio_of(machine, variant=look, reference=0.01)
        after = gc.isenabled()
    finally:
        (gc.enable if was else gc.disable)()
    assert after == enabled
    assert not any(seen[1:20])


@pytest.mark.parametrize("settings", [{"pairs": 0}, {"invocations": 0}])
def test_nothing_to_take_a_median_of_is_refused(settings):
    with pytest.raises(ValueError, match="at least one"):
        ratio_of(Machine(), variant=0.01, reference=0.01, **settings)


def test_a_result_can_be_kept():
    assert ratio_of(Machine(), 0.5, 0.5, pairs=1) == PairedRatio((1.0,), 1.0)


@pytest.mark.parametrize(
    ("own", "rounds", "seconds"), [(0.5, 4, 6.0), (2**-10, 128, 0.375)], ids=["slow", "fast"]
)
def test_a_slow_model_gets_the_fewest_rounds_and_a_fast_one_fills_the_time(own, rounds, seconds):
    machine = Machine()

    def block(name, seconds):
        call = machine.model(name, seconds)
        return lambda: (call(), seconds)[1]

    taken = take_rounds(
        {"baseline": block("b", own), "candidate": block("c", 2 * own)},
        lambda number, passed: number >= 4 and passed >= 0.375,
        Random(1),  # noqa: S311
        machine.clock,
    )
    assert taken == [{"baseline": own, "candidate": 2 * own}] * rounds
    assert machine.now == seconds
