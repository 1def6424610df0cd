"""The control: a baseline timed against itself, to know whether times can be believed now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from slimbench.gate import statistic
from slimbench.gate.cases import Pair
from slimbench.gate.limits import Limits
from slimbench.gate.processes import Broken, Readings
from slimbench.gate.question import JUDGED, Question, effective_margin

CONTROL_MOST_MS = 25.0
"""The control is the slowest baseline below this, so that it costs no more than a case."""

CONTROL_LEVEL = 0.005


def control_of(pairs: Sequence[Pair]) -> int:
    """Return which baseline is timed against itself: the slowest below 25 ms.

    Stored times choose it and nothing else; if none is below, it is the fastest.
    """
    known = [
        (index, pair.baseline.latency_ms.p50)
        for index, pair in enumerate(pairs)
        if pair.baseline.latency_ms is not None
    ]
    below = [each for each in known if each[1] < CONTROL_MOST_MS]
    if below:
        return max(below, key=lambda each: each[1])[0]
    return min(known, key=lambda each: each[1])[0] if known else 0


def control_fault(pair: Pair, alone: Readings, limits: Mapping[str, Limits]) -> str:
    """Say why this machine's times cannot be judged now, or nothing where they can.

    A file against itself is off if it is significantly so by a third of the margin or more, or
    by more than the whole margin in any case.
    """
    if isinstance(alone, Broken):
        return f"the control could not be timed: {alone.reason}"
    margin = effective_margin(JUDGED, limits[pair.case.variant], alone)
    question = Question(0, pair.case, JUDGED, margin, alone)
    margin, size = question.log_margin, abs(statistic.centre(question.log_ratios))
    sure = statistic.p_off(question.log_ratios) <= CONTROL_LEVEL
    if size <= margin / 3 or (size <= margin and not sure):
        return ""
    return (
        f"the control is off: {control_words(pair, alone)}, so this machine's times cannot be "
        "believed now; run the gate again when it is quieter"
    )


def control_words(pair: Pair, alone: Readings) -> str:
    """Say what the control measured."""
    if isinstance(alone, Broken):
        return alone.reason
    amount = Question(0, pair.case, JUDGED, 0.0, alone).amount()
    return f"the baseline's {pair.case.id} against itself {amount}"
