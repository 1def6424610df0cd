"""Several runs held against the first of them, case by case, and what else differs between them."""

from __future__ import annotations

import string
from collections.abc import Sequence
from dataclasses import dataclass

from slimbench.compare.measures import Delta, Measure
from slimbench.errors import UsageProblem
from slimbench.history.machine import UNKNOWN, cpu, machine_name
from slimbench.history.record import History
from slimbench.report.notes import clean
from slimbench.report.table import in_order
from slimbench.spec import Case

UNPAIRED = "Unpaired: the machine may have changed between the runs, so this never fails a build."

MOST = len(string.ascii_uppercase)
"""Runs that can be compared at once; each is a column."""

NO_CASE = "the run has no such case"


@dataclass(frozen=True, slots=True)
class Cell:
    """A run's figure for a case.

    `value` is None where `reason` says why. `delta` is against the first run, None for the first
    run itself and where there is no value.
    """

    value: float | None
    reason: str
    delta: Delta | None


@dataclass(frozen=True, slots=True)
class Row:
    """A case with a cell for each run."""

    case: Case
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Block:
    """A measure with a row for each case that any of the runs has."""

    measure: Measure
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Runs, the first being what the others are held against; `letters` name them in tables."""

    runs: tuple[History, ...]
    letters: tuple[str, ...]
    warning: str
    blocks: tuple[Block, ...]


def compare(histories: Sequence[History], measures: Sequence[Measure]) -> Comparison:
    """Compare different runs in each of the measures; a run that is named twice counts once.

    Raises:
        UsageProblem: They are fewer than two, or more than there are letters.
    """
    runs = tuple({history.path.resolve(): history for history in histories}.values())
    if len(runs) < 2:
        raise UsageProblem(
            f"A comparison takes two different runs at least; there is only {runs[0].path}."
            if runs
            else "A comparison takes two different runs at least."
        )
    if len(runs) > MOST:
        raise UsageProblem(f"{len(runs)} runs are more than the {MOST} that fit a table.")
    cases = tuple(dict.fromkeys(entry.case for run in runs for entry in in_order(run)))
    return Comparison(
        runs=runs,
        letters=tuple(string.ascii_uppercase[: len(runs)]),
        warning=warning(runs),
        blocks=tuple(
            Block(measure, tuple(_row(case, runs, measure) for case in cases))
            for measure in measures
        ),
    )


def _row(case: Case, runs: tuple[History, ...], measure: Measure) -> Row:
    return Row(
        case,
        tuple(_cell(case, runs[0], run, measure) for run in runs),
    )


def _cell(case: Case, first: History, run: History, measure: Measure) -> Cell:
    entry, base = run.entry(case), first.entry(case)
    if entry is None:
        return Cell(None, NO_CASE, None)
    value = measure.value(entry)
    if value is None:
        return Cell(None, measure.reason(entry), None)
    if run is first:
        return Cell(value, "", None)
    if base is None:
        return Cell(value, "", Delta("not_comparable", remark="the first run has no such case"))
    return Cell(value, "", measure.delta(base, entry))


def differences(histories: Sequence[History]) -> dict[str, tuple[str, ...]]:
    """Return what differs, with each run's value in order.

    That is the machine, its CPU, the profile, the seed, and every version that was recorded:
    the runtime's changes times, the others' what was built.
    """

    def recorded(history: History) -> dict[str, str]:
        conditions = {
            "machine": machine_name(history.machine),
            "CPU": cpu(history.machine),
            "profile": history.profile,
            "seed": str(history.seed),
        }
        values = {**history.versions, **conditions}
        return {clean(name): clean(value) for name, value in values.items()}

    records = [recorded(history) for history in histories]
    names = dict.fromkeys(
        ["machine", "CPU", "profile", "seed", *(name for record in records for name in record)]
    )
    columns = {name: tuple(record.get(name, UNKNOWN) for record in records) for name in names}
    return {name: values for name, values in columns.items() if len(set(values)) > 1}


def warning(histories: Sequence[History]) -> str:
    """Warn in one sentence of all that differs, or return nothing where nothing does."""
    differing = differences(histories)
    if not differing:
        return ""
    text = "; ".join(f"{name} ({' | '.join(values)})" for name, values in differing.items())
    return f"Warning: not only the models differ between these runs, so may their figures: {text}."
