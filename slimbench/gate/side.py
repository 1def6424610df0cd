"""One side of a comparison: a run as the gate needs it, whatever kind of file it came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from slimbench.errors import UsageProblem
from slimbench.gate.baseline import Baseline
from slimbench.history.record import BudgetResult, Entry, History, Missing
from slimbench.spec import Case


@dataclass(frozen=True, slots=True)
class Side:
    """A run's entries with what the gate asks about the run; `name` is what a user calls it."""

    name: str
    profile: str
    seed: int
    commit: str
    dirty: bool
    versions: Mapping[str, str]
    entries: tuple[Entry, ...]
    budgets: tuple[BudgetResult, ...]
    missing: tuple[Missing, ...]

    def entry(self, case: Case) -> Entry | None:
        """Return what was measured of a case, or None."""
        return next((entry for entry in self.entries if entry.case == case), None)

    def why_missing(self, variant: str) -> str:
        """Return why the run could not have a variant of its profile, or nothing."""
        return next((each.reason for each in self.missing if each.variant == variant), "")


def from_history(history: History) -> Side:
    """Take a saved run as a side; raises UsageProblem unless it is a whole one."""
    if history.status != "complete":
        raise UsageProblem(
            f"{history.path} is a run that is {history.status}, and the gate judges whole runs. "
            "Run the benchmarks without -k, to their end."
        )
    return Side(
        name=history.path.name,
        profile=history.profile,
        seed=history.seed,
        commit=history.commit,
        dirty=history.dirty,
        versions=history.versions,
        entries=history.entries,
        budgets=history.budgets,
        missing=history.missing,
    )


def from_baseline(baseline: Baseline) -> Side:
    """Take a promoted baseline as a side; of its budgets, it knows those that it broke."""
    return Side(
        name=baseline.path.name,
        profile=baseline.profile,
        seed=baseline.seed,
        commit=baseline.commit,
        dirty=baseline.dirty,
        versions=baseline.versions,
        entries=baseline.entries,
        budgets=baseline.broken_budgets,
        missing=(),
    )
