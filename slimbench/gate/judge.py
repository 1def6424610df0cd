"""The whole comparison: pairs, then what is exact, then accuracy, then times."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date
from functools import partial
from pathlib import Path

from slimbench.gate import accuracy, acknowledge, latency, static_metrics
from slimbench.gate.acknowledge import Acknowledgement
from slimbench.gate.cases import Pair, pair_up
from slimbench.gate.findings import Finding, Result, in_order
from slimbench.gate.latency import Measure
from slimbench.gate.latency_comparison import METRICS
from slimbench.gate.limits import Limits
from slimbench.gate.model_files import Files
from slimbench.gate.provenance import retrained
from slimbench.gate.runtime import Runtimes
from slimbench.gate.timer import MEDIAN_LATENCY, FilePair
from slimbench.history.record import History
from slimbench.spec import Advance


@dataclass(frozen=True, slots=True)
class Settings:
    """How it is judged, and with which runtimes."""

    limits: Mapping[str, Limits]
    runtimes: Runtimes
    today: date
    acknowledged: Sequence[Acknowledgement] = field(default=())
    processes: int = 12
    measure_identical: bool = False


def judge(  # noqa: PLR0913  (two sides, and the world they are judged in)
    baseline: History,
    candidate: History,
    settings: Settings,
    *,
    files: Files,
    measure: Measure,
    advance: Advance,
) -> Result:
    """Hold a candidate against a baseline.

    Raises:
        UsageProblem: The two are not runs of one profile, or no process could be started.
    """
    pairing = pair_up(baseline, candidate)
    rows = list(pairing.rows)
    for pair in pairing.pairs:
        limits = settings.limits[pair.case.variant]
        rows += static_metrics.judge(pair, limits, baseline.budgets, candidate.budgets)
    origin = partial(_origin, baseline=baseline, candidate=candidate, store=files.store)
    rows += accuracy.judge(pairing.pairs, settings.limits, origin)
    changed = {
        pair.case: said
        for pair in pairing.pairs
        if (said := settings.runtimes.why_not(pair, baseline, candidate))
    }
    timed: list[tuple[Pair, FilePair]] = []
    for pair in pairing.pairs:
        row = _verdict_without_timing(pair, settings, changed.get(pair.case, ""))
        if row is None:
            found = _files_of(pair, baseline, candidate, files)
            if isinstance(found, FilePair):
                timed.append((pair, found))
                continue
            row = found
        rows.append(row)
    judged = latency.judge(
        [pair for pair, _ in timed],
        [found for _, found in timed],
        limits=settings.limits,
        processes=settings.processes,
        measure=measure,
        advance=advance,
    )
    rows = acknowledge.apply([*rows, *judged.rows], settings.acknowledged, settings.today)
    cases = [entry.case for entry in (*baseline.entries, *candidate.entries)]
    order = (MEDIAN_LATENCY, accuracy.METRIC, *static_metrics.metrics(), *METRICS)
    stale = acknowledge.unused(settings.acknowledged, rows)
    return Result(
        _name(baseline),
        _name(candidate),
        tuple(in_order(rows, cases, order)),
        (
            *sorted(set(changed.values())),
            *settings.runtimes.headline(p for p in pairing.pairs if p.case not in changed),
        ),
        (*judged.notes, *stale),
    )


def _name(run: History) -> str:
    return f"{run.name} of {run.taken.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _origin(pair: Pair, *, baseline: History, candidate: History, store: Path) -> str:
    return retrained(pair, baseline, candidate, store)


def _verdict_without_timing(pair: Pair, settings: Settings, changed: str) -> Finding | None:
    """Return the row of a pair that need not, or must not, be timed.

    The same file is as fast as itself unless each side has a runtime of its own.
    """
    runtimes = settings.runtimes
    alike = pair.same_file and (not runtimes.apart or (runtimes.same(pair) and not changed))
    if alike and not settings.measure_identical:
        return Finding(pair.case, MEDIAN_LATENCY, "pass", "same file")
    if changed:
        said = changed[0].lower() + changed[1:].rstrip(".")
        return Finding(pair.case, MEDIAN_LATENCY, "inconclusive", said)
    return None


def _files_of(
    pair: Pair, baseline: History, candidate: History, files: Files
) -> FilePair | Finding:
    before, after = files.find(pair.baseline, baseline), files.find(pair.candidate, candidate)
    if isinstance(before, Path) and isinstance(after, Path):
        options = (pair.baseline.runtime_options, pair.candidate.runtime_options)
        return FilePair(pair.case, before, after, *options)
    reasons = [each.reason for each in (before, after) if not isinstance(each, Path)]
    return Finding(pair.case, MEDIAN_LATENCY, "inconclusive", "; ".join(reasons))
