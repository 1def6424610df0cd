"""The verdict of the whole comparison, as JSON and as an exit status."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from slimbench.gate.row import Row, Verdict
from slimbench.spec import Case

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
    rows: tuple[Row, ...]
    runtime: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def verdict(self) -> Overall:
        """The worst of all rows."""
        verdicts = {row.verdict for row in self.rows}
        worst: tuple[Overall, ...] = ("error", "regression", "inconclusive")
        return next((each for each in worst if each in verdicts), "pass")

    def by_case(self) -> dict[Case, list[Row]]:
        """Return the rows of each case, gravest first, cases in their order."""
        cases: dict[Case, list[Row]] = {}
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


def gravest_first(rows: Iterable[Row]) -> list[Row]:
    """Return rows sorted by how much they matter, otherwise in their order."""
    return sorted(rows, key=lambda row: GRAVITY.index(row.verdict))


def exit_status(overall: Overall, inconclusive: Literal["pass", "fail"]) -> int:
    """Return the exit status; `inconclusive` says what such a verdict counts as."""
    if overall == "inconclusive" and inconclusive == "pass":
        return 0
    return EXIT[overall]


def in_order(rows: Sequence[Row], cases: Sequence[Case], metrics: Sequence[str]) -> list[Row]:
    """Return rows by case, then by metric, each in the order given; others come last."""

    def place(row: Row) -> tuple[int, int]:
        return (
            cases.index(row.case) if row.case in cases else len(cases),
            metrics.index(row.metric) if row.metric in metrics else len(metrics),
        )

    return sorted(rows, key=place)
