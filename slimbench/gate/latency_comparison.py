"""Whether a model became slower: the question about a timed pair, its answer, and the control.

The control is the baseline timed against itself: where that seems to change, the machine's times
cannot be believed now.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from slimbench.gate import statistic
from slimbench.gate.cases import Pair
from slimbench.gate.findings import Finding, Verdict, interval_in_words, percent
from slimbench.gate.limits import Limits
from slimbench.gate.timer import MEDIAN_LATENCY, Broken, Reading, Readings
from slimbench.metrics import figure, latency, startup
from slimbench.spec import Case

METRICS: Mapping[str, str] = {
    MEDIAN_LATENCY: "median latency",
    **{figure.key: figure.label.lower() for figure in (latency.P90, *startup.FIGURES)},
}
"""What is read of a pair in each process, in words."""

LARGEST_UNSEEN = 5 / 3
"""In margins: a case passes only if the upper end of its interval is at most so much, 5 % for a
limit of 3 %."""


@dataclass(frozen=True, slots=True)
class Question:
    """Whether one metric of one pair grew by more than its margin, relative.

    `pair` is its place among those timed.
    """

    pair: int
    case: Case
    metric: str
    margin: float
    readings: tuple[Reading, ...]

    @property
    def log_ratios(self) -> list[float]:
        """One log(candidate / baseline) a process."""
        return [reading[self.metric].log_ratio for reading in self.readings]

    @property
    def log_margin(self) -> float:
        """The margin as a log ratio."""
        return math.log1p(self.margin)

    def hides_growth(self) -> bool:
        """Tell whether a growth of `LARGEST_UNSEEN` margins is within the interval."""
        return statistic.interval(self.log_ratios)[1] > math.log1p(LARGEST_UNSEEN * self.margin)

    def change(self) -> float:
        """Return candidate / baseline - 1."""
        return math.expm1(statistic.centre(self.log_ratios))

    def interval(self) -> tuple[float, float]:
        """Return the 95 % interval of the change."""
        low, high = statistic.interval(self.log_ratios)
        return math.expm1(low), math.expm1(high)

    def found(self) -> str:
        """Say what was measured."""
        return f"{METRICS[self.metric]} {self.amount()} in {len(self.readings)} processes"

    def amount(self) -> str:
        """Write the change with its interval."""
        return f"{percent(self.change())} {interval_in_words(self.metric, self.interval())}"

    def row(self, verdict: Verdict, reason: str) -> Finding:
        """Return the answer, with the median times of both sides."""
        values = [reading[self.metric] for reading in self.readings]
        return Finding(
            self.case,
            self.metric,
            verdict,
            reason,
            statistics.median(value.baseline for value in values),
            statistics.median(value.candidate for value in values),
            self.change(),
            self.interval(),
        )


def effective_margin(metric: str, limits: Limits, readings: Sequence[Reading]) -> float:
    """Return the relative growth that passes: the limit, or the floor where that is more."""
    margin = limits.margin(metric)
    if figure(metric).unit == "ms":
        baseline_us = 1e3 * statistics.median(each[metric].baseline for each in readings)
        return max(margin, limits.floor_us / baseline_us)
    return margin


CONTROL_MOST_MS = 25.0
"""The control is the slowest baseline below this, so that it costs no more than a case."""

CONTROL_LEVEL = 0.005
"""The control's estimate is significantly not 0 where its p-value is at most this."""


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

    A file against itself is off where its estimate is beyond the margin, or beyond a third of it
    and significantly not 0.
    """
    if isinstance(alone, Broken):
        return f"the control could not be timed: {alone.reason}"
    margin = effective_margin(MEDIAN_LATENCY, limits[pair.case.variant], alone)
    question = Question(0, pair.case, MEDIAN_LATENCY, margin, alone)
    log_margin, size = question.log_margin, abs(statistic.centre(question.log_ratios))
    sure = statistic.p_off(question.log_ratios) <= CONTROL_LEVEL
    if size <= log_margin / 3 or (size <= log_margin and not sure):
        return ""
    return (
        f"the control is off: {control_words(pair, alone)}, so this machine's times cannot be "
        "believed now; run the gate again when it is quieter"
    )


def control_words(pair: Pair, alone: Readings) -> str:
    """Say what the control measured."""
    if isinstance(alone, Broken):
        return alone.reason
    amount = Question(0, pair.case, MEDIAN_LATENCY, 0.0, alone).amount()
    return f"the baseline's {pair.case.id} against itself {amount}"
