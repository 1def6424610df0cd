"""The two sides of a comparison, and which case of one stands against which of the other.

A side is a run or a baseline as the gate needs it. A case that only one side has is named, never
passed over.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from slimbench.errors import UsageProblem
from slimbench.gate.baseline import Baseline
from slimbench.gate.findings import Finding
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


@dataclass(frozen=True, slots=True)
class Pair:
    """A case as both sides have it."""

    baseline: Entry
    candidate: Entry

    @property
    def case(self) -> Case:
        """The case, the same on both sides."""
        return self.baseline.case

    @property
    def same_file(self) -> bool:
        """Whether both sides measured the same bytes."""
        return self.baseline.model_sha256 == self.candidate.model_sha256


@dataclass(frozen=True, slots=True)
class Pairing:
    """The pairs to judge, and the rows of cases that cannot be judged."""

    pairs: tuple[Pair, ...]
    rows: tuple[Finding, ...]


def pair_up(baseline: Side, candidate: Side) -> Pairing:
    """Pair the cases of two runs.

    A case that the candidate lacks, or that was scored on other data, is an error; one that the
    baseline lacks is new.

    Raises:
        UsageProblem: The runs are of different profiles.
    """
    if baseline.profile != candidate.profile:
        raise UsageProblem(
            f"{baseline.name} is a run of profile {baseline.profile}, {candidate.name} of "
            f"{candidate.profile}. The gate compares runs of one profile: name "
            "two by their numbers, with which the names of their files begin."
        )
    pairs, rows = [], []
    for entry in baseline.entries:
        other = candidate.entry(entry.case)
        if other is None:
            rows.append(Finding(entry.case, "model_sha256", "error", _lost(entry, candidate)))
        elif fault := _incomparable(entry, other):
            rows.append(fault)
        else:
            pairs.append(Pair(entry, other))
    known = {entry.case for entry in baseline.entries}
    rows += [
        Finding(entry.case, "model_sha256", "new", "the baseline does not have this case")
        for entry in candidate.entries
        if entry.case not in known
    ]
    return Pairing(tuple(pairs), tuple(rows))


def _lost(entry: Entry, candidate: Side) -> str:
    why = candidate.why_missing(entry.case.variant)
    because = f" ({why.rstrip('.')})" if why else ""
    return (
        f"the baseline has this case, the candidate does not{because}; run it again, or promote "
        "a baseline without it"
    )


def _incomparable(baseline: Entry, candidate: Entry) -> Finding | None:
    case = baseline.case
    if baseline.dataset != candidate.dataset:
        reason = f"the baseline was scored on {baseline.dataset}, this on {candidate.dataset}"
        return Finding(case, "dataset", "error", reason)
    hashes = (baseline.eval_sha256, candidate.eval_sha256)
    if None not in hashes and hashes[0] != hashes[1]:
        reason = "both were scored on different images: promote a baseline scored on these"
        return Finding(case, "eval_sha256", "error", reason)
    return None
