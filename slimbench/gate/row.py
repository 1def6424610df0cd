"""What the gate says about one metric of one case: the shared vocabulary of its judges."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from slimbench.number_format import fixed, significant
from slimbench.spec import Case

Verdict = Literal["pass", "improved", "regression", "inconclusive", "error", "new", "acknowledged"]

SHARES = frozenset({"accuracy_top1", "sparsity", "sparsity_prunable"})
"""Metrics whose change is candidate - baseline; for all others it is candidate / baseline - 1."""

MORE_IS_BETTER = SHARES
"""Metrics that get worse when they fall. They are the shares, and all the shares."""


@dataclass(frozen=True, slots=True)
class Row:
    """One judgement; `metric` is a key of `extra_info`, `change` and `interval` have its unit.

    `baseline` and `candidate` are None where the files, and not two values, were compared.
    """

    case: Case
    metric: str
    verdict: Verdict
    reason: str
    baseline: float | None = None
    candidate: float | None = None
    change: float | None = None
    interval: tuple[float, float] | None = None

    def entry(self) -> dict[str, Any]:
        """Return the row as JSON has it."""
        return {
            "variant": self.case.variant,
            "engine": self.case.engine,
            "threads": self.case.threads,
            "metric": self.metric,
            "baseline": self.baseline,
            "candidate": self.candidate,
            "change": self.change,
            "interval": None if self.interval is None else list(self.interval),
            "verdict": self.verdict,
            "reason": self.reason,
        }


def percent(share: float, sign: bool = True) -> str:
    """Write a share in percent: to a tenth, or in full where less than that is not nothing."""
    value = 100 * share
    shown = significant(value, 1) if 0 < abs(value) < 0.05 else fixed(round(value, 1))
    return f"{'+' if sign and value > 0 else ''}{shown} %"


def points(share: float) -> str:
    """Write a difference of shares in percentage points."""
    return f"{percent(share).removesuffix(' %')} points"


def change_in_words(metric: str, change: float) -> str:
    """Write a change in its metric's unit."""
    return points(change) if metric in SHARES else percent(change)


def interval_in_words(metric: str, interval: tuple[float, float]) -> str:
    """Write an interval in its metric's unit, which stands beside the change and is left out."""
    low, high = (
        change_in_words(metric, bound).removesuffix(" %").removesuffix(" points")
        for bound in interval
    )
    return f"[{low}, {high}]"
