"""Which case of the candidate stands against which of the baseline; nothing slips through."""

from __future__ import annotations

from dataclasses import dataclass

from slimbench.errors import UsageProblem
from slimbench.gate.row import Row
from slimbench.gate.side import Side
from slimbench.history.record import Entry
from slimbench.spec import Case


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
    rows: tuple[Row, ...]


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
            rows.append(Row(entry.case, "model_sha256", "error", _lost(entry, candidate)))
        elif fault := _incomparable(entry, other):
            rows.append(fault)
        else:
            pairs.append(Pair(entry, other))
    known = {entry.case for entry in baseline.entries}
    rows += [
        Row(entry.case, "model_sha256", "new", "the baseline does not have this case")
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


def _incomparable(baseline: Entry, candidate: Entry) -> Row | None:
    case = baseline.case
    if baseline.dataset != candidate.dataset:
        reason = f"the baseline was scored on {baseline.dataset}, this on {candidate.dataset}"
        return Row(case, "dataset", "error", reason)
    hashes = (baseline.eval_sha256, candidate.eval_sha256)
    if None not in hashes and hashes[0] != hashes[1]:
        reason = "both were scored on different images: promote a baseline scored on these"
        return Row(case, "eval_sha256", "error", reason)
    return None
