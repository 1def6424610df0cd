"""Two calls timed in turns: blocks in random order, all times kept.

A block begins with an untimed invocation, since a model that was just switched to finds cold
caches. As `slimbench.measurement.pairs` times a speed-up, but the single times are
wanted here, for p90.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

Call = Callable[[], object]
Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Rounds:
    """Seconds of single invocations, a list a block; block k of both sides was one round."""

    baseline: list[list[float]] = field(default_factory=list)
    candidate: list[list[float]] = field(default_factory=list)

    def ratios(self) -> list[float]:
        """Return candidate / baseline of the block medians, a value a round."""
        return [
            statistics.median(candidate) / statistics.median(baseline)
            for baseline, candidate in zip(self.baseline, self.candidate, strict=True)
        ]


def take_rounds(  # noqa: PLR0913  (all but the two calls are keywords)
    baseline: Call,
    candidate: Call,
    *,
    seconds: float,
    fewest: int,
    block_seconds: float,
    rng: Random,
    clock: Clock,
    tell: Call,
) -> Rounds:
    """Time rounds until `seconds` have passed and at least `fewest` were taken.

    The caller keeps Python's garbage collector off; `tell` is called after each round.
    """
    taken = Rounds()
    start = clock()
    while clock() - start < seconds or len(taken.baseline) < fewest:
        sides = [(baseline, taken.baseline), (candidate, taken.candidate)]
        rng.shuffle(sides)
        for call, blocks in sides:
            blocks.append(block(call, block_seconds, clock))
        tell()
    return taken


def block(call: Call, seconds: float, clock: Clock) -> list[float]:
    """Return the times of single invocations until `seconds` have passed, at least one."""
    call()
    times: list[float] = []
    start = clock()
    while True:
        before = clock()
        call()
        after = clock()
        times.append(after - before)
        if after - start >= seconds:
            return times
