"""Two things timed side by side, so that a ratio can be believed on a noisy machine.

What else the machine does slows both sides when they take turns, so the ratio of two models of a
kind moves far less than either time. It does not cancel between models of different kinds: a
busy neighbour slows a large model that lives on memory bandwidth more than one that fits a cache,
so such a ratio is to be believed from a quiet machine only.

The turns are blocks, because a model that is switched to at every invocation finds cold caches,
and their order is random, because the one that always comes second runs in what the first left
behind. A speed-up and the gate's comparisons are timed by the same block and the same rounds; they
differ in when they have enough of them.
"""

from __future__ import annotations

import functools
import gc
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random

Call = Callable[[], object]
Clock = Callable[[], float]

Enough = Callable[[int, float], bool]
"""Tells whether this number of rounds, taken in this many seconds, suffices."""


@contextmanager
def _no_collection() -> Iterator[None]:
    """Keep Python's garbage collector off the clock."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def timed_block(
    call: Call, *, seconds: float, invocations: int = 1, clock: Clock = time.perf_counter
) -> list[float]:
    """Return the times of the invocations of a block, in the clock's unit.

    A block is one untimed invocation, since a model that was just switched to finds cold caches,
    then timed ones until `seconds` have passed since the first of them and at least `invocations`
    were made, whichever is later: a fast model fills the time, a slow one still gets several.
    """
    call()
    times: list[float] = []
    with _no_collection():
        start = clock()
        while True:
            before = clock()
            call()
            after = clock()
            times.append(after - before)
            if after - start >= seconds and len(times) >= invocations:
                return times


def take_rounds(
    blocks: Mapping[str, Callable[[], float]],
    enough: Enough,
    rng: Random,
    clock: Clock = time.perf_counter,
) -> list[dict[str, float]]:
    """Run rounds, a block of each side in random order, until there are enough.

    `blocks` run one each and return its time; the result has them by side, a dictionary a round.
    """
    rounds: list[dict[str, float]] = []
    start = clock()
    while not enough(len(rounds), clock() - start):
        rounds.append({side: blocks[side]() for side in rng.sample(sorted(blocks), len(blocks))})
    return rounds


@dataclass(frozen=True, slots=True)
class PairedRatio:
    """How many times faster the variant is than the reference.

    `ratios` are those of the single pairs, in the order they were taken.
    """

    ratios: tuple[float, ...]
    median: float


def paired_ratio(  # noqa: PLR0913  (all but the two calls are keywords)
    variant: Call,
    reference: Call,
    *,
    pairs: int,
    block_seconds: float,
    block_invocations: int,
    rng: Random,
    clock: Clock = time.perf_counter,
) -> PairedRatio:
    """Return reference time / variant time, from `pairs` pairs of blocks in random order.

    Each pair gives one ratio of block medians; the result is the median of those. It takes about
    2 * pairs * block_seconds. Raises ValueError where there is nothing to take a median of.
    """
    if pairs < 1 or block_invocations < 1:
        raise ValueError("A paired ratio needs at least one pair and one invocation a block.")

    def median(call: Call) -> float:
        times = timed_block(call, seconds=block_seconds, invocations=block_invocations, clock=clock)
        return statistics.median(times)

    sides = {"variant": variant, "reference": reference}
    rounds = take_rounds(
        {side: functools.partial(median, call) for side, call in sides.items()},
        lambda taken, _: taken >= pairs,
        rng,
        clock,
    )
    ratios = tuple(medians["reference"] / medians["variant"] for medians in rounds)
    return PairedRatio(ratios, statistics.median(ratios))
