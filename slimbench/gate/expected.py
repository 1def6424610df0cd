"""How long timing will take: from the times that both runs have stored, which judge nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence

from slimbench.gate.processes import Effort, Timed
from slimbench.gate.side import Side
from slimbench.history.record import Entry

START_SECONDS = 0.2
"""What a fresh process takes to be ready, the runtime imported, on a small machine."""

WARMING_SECONDS = 0.02
"""What a model is warmed for, as `slimbench.gate.worker` has it."""

PRIOR_SECONDS = 10.0
"""How many seconds at the expected pace the time left starts from, so that it is not wild."""


def expected_seconds(  # noqa: PLR0913  (all but the first two say of what)
    pairs: Sequence[Timed],
    processes: int,
    effort: Effort,
    *,
    baseline: Side,
    candidate: Side,
    apart: bool,
) -> float:
    """Return how long it takes to time pairs in so many processes, one after the other.

    With environments of their own (`apart`), both sides start at once, and the control starts
    anew. What a run has no value for counts as nothing.
    """
    starts = len({pair.control for pair in pairs}) if apart else 1
    timing = sum(_pair_seconds(pair, effort, baseline, candidate) for pair in pairs)
    return processes * (starts * START_SECONDS + timing)


def _pair_seconds(pair: Timed, effort: Effort, baseline: Side, candidate: Side) -> float:
    after = baseline if pair.control else candidate
    sides = [side.entry(pair.case) for side in (baseline, after)]
    started = sum(_start_seconds(entry) for entry in sides)
    a_round = sum(_block_seconds(entry, effort) for entry in sides)
    rounds = max(effort.rounds, math.ceil(effort.pair_seconds / a_round))
    return started + rounds * a_round


def _start_seconds(entry: Entry | None) -> float:
    """Return the seconds to load a model, run it first and warm it."""
    if entry is None:
        return WARMING_SECONDS
    start = ((entry.init_ms or 0.0) + (entry.first_invoke_ms or 0.0)) / 1e3
    return start + max(WARMING_SECONDS, 2 * _invocation_seconds(entry))


def _block_seconds(entry: Entry | None, effort: Effort) -> float:
    """Return the seconds of a block: an untimed invocation, then timed ones."""
    once = _invocation_seconds(entry)
    return once + max(once, effort.block_seconds + once / 2)


def _invocation_seconds(entry: Entry | None) -> float:
    if entry is None or entry.latency_ms is None:
        return 0.0
    return entry.latency_ms.p50 / 1e3


def seconds_left(expected: float, share: float, at: float, now: float) -> float:
    """Return how long the rest takes, never below 0.

    Args:
        expected: seconds that were expected of everything.
        share: how much of it was done, in [0, 1], ...
        at: ... when so many seconds had passed;
        now: how many have passed by now.
    """
    pace = (at + PRIOR_SECONDS) / (share * expected + PRIOR_SECONDS)
    return max(0.0, pace * expected * (1 - share) - (now - at))
