"""The highest rate of arrivals at which a server still keeps its promise."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

ATTEMPTS = 2
"""How often a rate is tried before it counts as too high: a neighbour's second of work is no
property of the server."""


@dataclass(frozen=True, slots=True)
class Trial:
    """A rate that was tried, the 99th percentile there (None: endless) and whether that will do."""

    rate_per_s: float
    p99_ms: float | None
    kept: bool


def highest_rate(
    kept_at: Callable[[float], Trial], low: float, high: float, steps: int
) -> tuple[Trial | None, list[Trial]]:
    """Search between two rates by halving their ratio; returns the highest kept one and all trials.

    Args:
        kept_at: tries a rate, in requests per second.
        low: where to begin; halved as often as needed, at most `steps` times, until it is kept.
        high: taken as too high, and not tried.
        steps: how many rates to try between a kept and a broken one; the answer then is within a
            factor (high / low) ** (1 / 2 ** steps) of the truth.

    Raises:
        ValueError: The rates are not positive and ascending.
    """
    if not 0 < low < high:
        raise ValueError(f"rates from {low} to {high} cannot be searched")
    trials: list[Trial] = []

    def attempt(rate: float) -> Trial:
        for _ in range(ATTEMPTS):
            trials.append(kept_at(rate))
            if trials[-1].kept:
                break
        return trials[-1]

    best = attempt(low)
    for _ in range(steps):
        if best.kept:
            break
        low, high = low / 2, low
        best = attempt(low)
    if not best.kept:
        return None, trials
    for _ in range(steps):
        middle = math.sqrt(low * high)
        tried = attempt(middle)
        if tried.kept:
            best, low = tried, middle
        else:
            high = middle
    return best, trials
