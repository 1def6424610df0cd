"""Which case of a baseline stands against which of a candidate.

A case that only one of the two has is named, never passed over.
"""

from __future__ import annotations

from dataclasses import dataclass

from slimbench.errors import UsageProblem
from slimbench.gate.findings import Finding
from slimbench.history.record import Entry, History
from slimbench.spec import Case


def require_complete(history: History) -> History:
    """Return a saved run that can be judged; raises UsageProblem unless it is a whole one."""
    if history.status != "complete":
        raise UsageProblem(
            f"{history.path} is a run that is {history.status}, and the gate judges whole runs. "
            "Run the benchmarks without -k, to their end."
        )
    return history


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


def pair_up(baseline: History, candidate: History) -> Pairing:
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


def _lost(entry: Entry, candidate: History) -> str:
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
