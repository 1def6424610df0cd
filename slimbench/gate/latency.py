"""Times: baseline and candidate run again, side by side, in fresh processes.

Two looks. The first is a screen, so that most cases cost little; each that it cannot clear gets
a second, declared beforehand and judged on its own data alone, with twice the processes. Only
that can make a case red, at a level shared among the suspects. Where a difference that matters
could still hide in the spread, the verdict is `inconclusive`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from slimbench.gate import MOST_PROCESSES, statistic
from slimbench.gate.cases import Pair
from slimbench.gate.findings import Finding, percent
from slimbench.gate.latency_comparison import (
    METRICS,
    Question,
    control_fault,
    control_of,
    control_words,
    effective_margin,
)
from slimbench.gate.limits import Limits
from slimbench.gate.timer import MEDIAN_LATENCY, Broken, FilePair, Readings
from slimbench.spec import Advance

SCREEN_LEVEL = 0.2
"""A case is suspected, and looked at again, where the first look's p-value is at most this."""

CONFIRM_LEVEL = 0.025
"""A suspect is a regression where the second look's p-value, adjusted for the number of suspects,
is at most this."""

IMPROVED_LEVEL = 0.01
"""A case is improved where the first look's p-value of the other side is at most this."""


class Measure(Protocol):
    """Times pairs in so many fresh processes each; `slimbench.gate.timer.Timer` in earnest."""

    def __call__(
        self, pairs: Sequence[FilePair], processes: int, advance: Advance
    ) -> list[Readings]:
        """Return what was read of each pair, in their order."""
        ...


@dataclass(frozen=True, slots=True)
class Judged:
    """The rows of the timed pairs, and what was found about the machine in the meantime."""

    rows: tuple[Finding, ...]
    notes: tuple[str, ...]


def judge(  # noqa: PLR0913  (all but the pairs are settings)
    pairs: Sequence[Pair],
    files: Sequence[FilePair],
    *,
    limits: Mapping[str, Limits],
    processes: int,
    measure: Measure,
    advance: Advance,
) -> Judged:
    """Judge the pairs whose files these are; `limits` are by variant."""
    if not pairs:
        return Judged((), ())
    control = control_of(pairs)
    *taken, alone = measure([*files, files[control].against_itself()], processes, advance)
    rows = [
        Finding(pair.case, MEDIAN_LATENCY, "error", readings.reason)
        for pair, readings in zip(pairs, taken, strict=True)
        if isinstance(readings, Broken)
    ]
    asked, reported = _questions(pairs, taken, limits)
    fault = control_fault(pairs[control], alone, limits)
    suspects = [] if fault else [each for each in asked if _is_suspect(each)]
    again = _again(suspects, files, processes, measure, advance)
    levels = _adjusted(again)
    for question in asked:
        if fault:
            rows.append(question.row("inconclusive", fault))
        elif question not in suspects:
            rows.append(_cleared(question))
        else:
            number = suspects.index(question)
            rows.append(_confirmed(question, again[number], levels[number]))
    said = fault or f"The control passed: {control_words(pairs[control], alone)}"
    return Judged((*rows, *reported), (said,))


def _questions(
    pairs: Sequence[Pair], taken: Sequence[Readings], limits: Mapping[str, Limits]
) -> tuple[list[Question], list[Finding]]:
    """Return what is judged, and the rows of what is only reported."""
    asked, reported = [], []
    for index, (pair, readings) in enumerate(zip(pairs, taken, strict=True)):
        if isinstance(readings, Broken):
            continue
        own = limits[pair.case.variant]
        for metric, words in METRICS.items():
            judged = own.of(metric) is not None
            whole = all(metric in reading for reading in readings)
            if judged and whole:
                margin = effective_margin(metric, own, readings)
                asked.append(Question(index, pair.case, metric, margin, readings))
            elif judged:
                reason = f"{words} could not be read in every process on this machine"
                reported.append(Finding(pair.case, metric, "inconclusive", reason))
            elif whole:
                question = Question(index, pair.case, metric, 0.0, readings)
                reason = "reported, not judged: no limit was set"
                reported.append(question.row("pass", reason))
    return asked, reported


def _is_suspect(question: Question) -> bool:
    ratios = question.log_ratios
    return statistic.p_above(ratios, question.log_margin) <= SCREEN_LEVEL or question.hides_growth()


def _again(
    suspects: Sequence[Question],
    files: Sequence[FilePair],
    processes: int,
    measure: Measure,
    advance: Advance,
) -> list[Question | Broken]:
    """Ask the suspects again on fresh data: twice the processes, in which only they run."""
    if not suspects:
        return []
    wanted = sorted({question.pair for question in suspects})
    taken = dict(
        zip(wanted, measure([files[pair] for pair in wanted], 2 * processes, advance), strict=True)
    )
    asked: list[Question | Broken] = []
    for question in suspects:
        readings = taken[question.pair]
        if isinstance(readings, Broken):
            asked.append(readings)
        elif not all(question.metric in reading for reading in readings):
            asked.append(Broken(f"{METRICS[question.metric]} could not be read again"))
        else:
            asked.append(replace(question, readings=readings))
    return asked


def _adjusted(again: Sequence[Question | Broken]) -> list[float]:
    """Return each suspect's p-value after Holm's adjustment; 1 where it could not be timed."""
    return statistic.holm(
        [
            1.0
            if isinstance(question, Broken)
            else statistic.p_above(question.log_ratios, question.log_margin)
            for question in again
        ]
    )


def _cleared(question: Question) -> Finding:
    ratios, margin = question.log_ratios, percent(question.margin, sign=False)
    if statistic.p_below(ratios, -question.log_margin) <= IMPROVED_LEVEL:
        return question.row("improved", f"{question.found()}, more than {margin} better")
    return question.row("pass", f"{question.found()}, within the limit of {margin}")


def _confirmed(first: Question, again: Question | Broken, p_value: float) -> Finding:
    """Judge a suspect by its second look alone."""
    if isinstance(again, Broken):
        return Finding(first.case, first.metric, "error", again.reason)
    margin = percent(again.margin, sign=False)
    if p_value <= CONFIRM_LEVEL:
        reason = f"{again.found()}, the limit is {margin} (p = {p_value:.2g})"
        return again.row("regression", reason)
    unsure = statistic.centre(again.log_ratios) > again.log_margin
    if unsure or again.hides_growth():
        return again.row("inconclusive", f"{again.found()}: {_undecided(again)}")
    reason = f"{again.found()}, within the limit of {margin}; a first look had suspected it"
    return again.row("pass", reason)


def _undecided(question: Question) -> str:
    """Say why, and what would decide it."""
    margin = percent(question.margin, sign=False)
    needed = statistic.processes_to_decide(question.log_ratios, question.log_margin, CONFIRM_LEVEL)
    way = "a quieter machine, or a wider limit, would decide it"
    if needed is not None and needed <= 2 * MOST_PROCESSES:
        way = f"--processes {math.ceil(needed / 2)} or a quieter machine would decide it"
    return f"the spread does not tell it from the limit of {margin}; {way}"
