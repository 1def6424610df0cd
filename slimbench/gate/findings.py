"""What the gate finds for each metric of a case, and the verdict of all findings together.

The verdict has an exit status and a JSON form that others rely on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from slimbench.metrics import figure
from slimbench.number_format import fixed, rounded
from slimbench.spec import Case, Figure

Verdict = Literal["pass", "improved", "regression", "inconclusive", "error", "new", "acknowledged"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One judgement; `metric` is a key of `extra_info`, `change` and `interval` have its unit.

    A change is candidate - baseline of a share, candidate / baseline - 1 of all else. Of a time it
    is estimated from the ratio in each process, while the two values are medians over them, so
    their ratio differs a little. Both are None where the files, and not two values, were compared.
    """

    case: Case
    metric: str
    verdict: Verdict
    reason: str
    baseline: float | None = None
    candidate: float | None = None
    change: float | None = None
    interval: tuple[float, float] | None = None

    @property
    def figure(self) -> Figure:
        """What is known of the metric."""
        return figure(self.metric)

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
    shown = rounded(value, 1) if 0 < abs(value) < 0.05 else fixed(round(value, 1))
    return f"{'+' if sign and value > 0 else ''}{shown} %"


def points(share: float) -> str:
    """Write a difference of shares in percentage points."""
    return f"{percent(share).removesuffix(' %')} points"


def change_in_words(metric: str, change: float) -> str:
    """Write a change in its metric's unit."""
    return points(change) if figure(metric).unit == "share" else percent(change)


def interval_in_words(metric: str, interval: tuple[float, float]) -> str:
    """Write an interval in its metric's unit, which stands beside the change and is left out."""
    low, high = (
        change_in_words(metric, bound).removesuffix(" %").removesuffix(" points")
        for bound in interval
    )
    return f"[{low}, {high}]"


Overall = Literal["error", "regression", "inconclusive", "pass"]
"""Of everything; the worst decides, and what improved, is new or was acknowledged passes."""

EXIT: dict[Overall, int] = {"error": 2, "regression": 1, "inconclusive": 3, "pass": 0}

GRAVITY: tuple[Verdict, ...] = (
    "error",
    "regression",
    "inconclusive",
    "acknowledged",
    "new",
    "improved",
    "pass",
)
"""Verdicts, the one a reader has to see first at the beginning."""


@dataclass(frozen=True, slots=True)
class Result:
    """All rows, and what concerns the comparison as a whole.

    `runtime` says how the runtime differs from the baseline's, and is what a reader sees first.
    """

    baseline: str
    candidate: str
    rows: tuple[Finding, ...]
    runtime: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def verdict(self) -> Overall:
        """The worst of all rows."""
        verdicts = {row.verdict for row in self.rows}
        worst: tuple[Overall, ...] = ("error", "regression", "inconclusive")
        return next((each for each in worst if each in verdicts), "pass")

    def by_case(self) -> dict[Case, list[Finding]]:
        """Return the rows of each case, gravest first, cases in their order."""
        cases: dict[Case, list[Finding]] = {}
        for row in self.rows:
            cases.setdefault(row.case, []).append(row)
        return {case: gravest_first(rows) for case, rows in cases.items()}

    def document(self) -> dict[str, Any]:
        """Return the JSON that others may rely on."""
        return {"verdict": self.verdict, "cases": [row.entry() for row in self.rows]}

    def summary(self) -> str:
        """Say the verdict in one line."""
        cases = self.by_case()
        worst = Counter(rows[0].verdict for rows in cases.values())
        counted = ", ".join(f"{worst[each]} {each}" for each in GRAVITY if worst[each])
        return f"{self.verdict}: {self.candidate} against {self.baseline} ({counted or 'no case'})"


def gravest_first(rows: Iterable[Finding]) -> list[Finding]:
    """Return rows sorted by how much they matter, otherwise in their order."""
    return sorted(rows, key=lambda row: GRAVITY.index(row.verdict))


def exit_status(overall: Overall, inconclusive: Literal["pass", "fail"]) -> int:
    """Return the exit status; `inconclusive` says what such a verdict counts as."""
    if overall == "inconclusive" and inconclusive == "pass":
        return 0
    return EXIT[overall]


def in_order(
    rows: Sequence[Finding], cases: Sequence[Case], metrics: Sequence[str]
) -> list[Finding]:
    """Return rows by case, then by metric, each in the order given; others come last."""

    def place(row: Finding) -> tuple[int, int]:
        return (
            cases.index(row.case) if row.case in cases else len(cases),
            metrics.index(row.metric) if row.metric in metrics else len(metrics),
        )

    return sorted(rows, key=place)
