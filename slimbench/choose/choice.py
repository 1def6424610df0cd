"""The best variant of a run under limits, the front it stands on, and what each limit costs.

Best is the highest measured accuracy among the variants that keep all limits; of equals the
faster by the paired figure, then the smaller, then the first by name. Whether the images could
tell two variants apart is said beside the answer and never decides it: on few images a test that
finds nothing would let the faster of two win however much worse it is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from slimbench.choose.limits import AGAINST_REFERENCE, Limit, figure
from slimbench.compare.measures import ALPHA, discordant, mcnemar
from slimbench.errors import UsageProblem
from slimbench.history.record import Entry, History
from slimbench.report.pareto import Tradeoff, on_front
from slimbench.spec import Unmeasured
from slimbench.suite.budgets import KINDS

ACCURACY = KINDS["accuracy_top1_min"]
RATIO = KINDS["latency_ratio_max"]


@dataclass(frozen=True, slots=True)
class Unjudged:
    """A variant that cannot be judged, or placed, for want of a figure."""

    variant: str
    reason: str


@dataclass(frozen=True, slots=True)
class Cost:
    """What one limit costs: the best without it, None where nothing keeps the others either.

    `gain` is that variant's accuracy minus the chosen one's, `p` that of McNemar's test of the
    two; both None where there is nothing to compare.
    """

    limit: Limit
    without: Entry | None
    gain: float | None = None
    p: float | None = None


@dataclass(frozen=True, slots=True)
class Miss:
    """A variant that broke limits, with each broken limit's figure."""

    entry: Entry
    broken: tuple[tuple[Limit, float], ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """The answer. `best` is None where nothing keeps all limits.

    `alike` are variants of the front that keep all limits and that the images do not tell apart
    from the best. `nearest` and `relaxations` (each limit that, relaxed alone, lets a variant in)
    are there where there is no best. `paired_times` says what the front's times are: paired
    ratios to the reference, or, where there is no reference, medians of single invocations.
    """

    limits: tuple[Limit, ...]
    candidates: tuple[Entry, ...]
    best: Entry | None
    alike: tuple[Entry, ...]
    front: tuple[Entry, ...]
    unplaced: tuple[Unjudged, ...]
    paired_times: bool
    costs: tuple[Cost, ...]
    unjudged: tuple[Unjudged, ...]
    nearest: Miss | None
    relaxations: tuple[Miss, ...]


def candidates(history: History, engine: str, threads: int) -> tuple[Entry, ...]:
    """Return the entries of one engine and number of threads; raises UsageProblem for none."""
    found = tuple(
        entry
        for entry in history.entries
        if (entry.case.engine, entry.case.threads) == (engine, threads)
    )
    if not found:
        settings = dict.fromkeys((e.case.engine, e.case.threads) for e in history.entries)
        known = ", ".join(f"--engine {engine} --threads {count}" for engine, count in settings)
        raise UsageProblem(
            f"{history.path.name} measured nothing on {engine} with --threads {threads}. "
            f"There is: {known or 'nothing'}."
        )
    return found


def choose(entries: Sequence[Entry], limits: Sequence[Limit]) -> Choice:
    """Choose among entries of one engine and number of threads; raises UsageProblem.

    A limit against the reference cannot be kept or broken where that was not measured.
    """
    _check_reference(entries, limits)
    best = _best(entries, limits)
    front, unplaced, paired_times = _front(entries)
    unjudged = [
        Unjudged(entry.case.variant, why) for entry in entries if (why := _unknown(entry, limits))
    ]
    misses = sorted(
        (
            Miss(entry, _broken(entry, limits))
            for entry in entries
            if not _unknown(entry, limits) and _broken(entry, limits)
        ),
        key=_distance,
    )
    return Choice(
        limits=tuple(limits),
        candidates=tuple(entries),
        best=best,
        alike=() if best is None else _alike(best, [e for e in front if _keeps(e, limits)]),
        front=front,
        unplaced=unplaced,
        paired_times=paired_times,
        costs=tuple(_cost(entries, limits, limit, best) for limit in limits),
        unjudged=tuple(unjudged),
        nearest=misses[0] if best is None and misses else None,
        relaxations=() if best is not None else _relaxations(misses, limits),
    )


def time_ratio(entry: Entry) -> float | None:
    """Return own time / reference time, the paired figure."""
    value = figure(RATIO, entry)
    return None if isinstance(value, Unmeasured) else value


def _check_reference(entries: Sequence[Entry], limits: Sequence[Limit]) -> None:
    if any(entry.is_reference for entry in entries):
        return
    for limit in limits:
        if limit.kind.metric in AGAINST_REFERENCE:
            raise UsageProblem(
                f"{limit.option} is against {entries[0].reference}, which this run did not "
                f"measure on {entries[0].case.engine} with {entries[0].case.threads} threads. "
                "Name another run, or limit the variants' own figures "
                "(--max-latency-ms, --min-accuracy)."
            )


def _unknown(entry: Entry, limits: Sequence[Limit]) -> str:
    """Say why an entry cannot be judged; nothing where it can."""
    kinds = {kind.metric: kind for kind in (ACCURACY, *(limit.kind for limit in limits))}
    found = {metric: figure(kind, entry) for metric, kind in kinds.items()}
    reasons = [
        f"{metric}: {value.reason}"
        for metric, value in found.items()
        if isinstance(value, Unmeasured)
    ]
    return "; ".join(reasons)


def _broken(entry: Entry, limits: Sequence[Limit]) -> tuple[tuple[Limit, float], ...]:
    broken = []
    for limit in limits:
        value = limit.figure(entry)
        if not isinstance(value, Unmeasured) and limit.excess(value) > 0:
            broken.append((limit, value))
    return tuple(broken)


def _keeps(entry: Entry, limits: Sequence[Limit]) -> bool:
    return not _unknown(entry, limits) and not _broken(entry, limits)


def _best(entries: Sequence[Entry], limits: Sequence[Limit]) -> Entry | None:
    return min((entry for entry in entries if _keeps(entry, limits)), key=_rank, default=None)


def _rank(entry: Entry) -> tuple[float, float, float, str]:
    """What was not measured comes last among equals."""
    if entry.accuracy_top1 is None:
        raise ValueError(f"{entry.case.id} has no accuracy to rank by")
    time, size = time_ratio(entry), entry.size_bytes
    return (
        -entry.accuracy_top1,
        math.inf if time is None else time,
        math.inf if size is None else size,
        entry.case.variant,
    )


def _front(entries: Sequence[Entry]) -> tuple[tuple[Entry, ...], tuple[Unjudged, ...], bool]:
    """Return the Pareto front by accuracy, what could not be placed, and which times decided."""
    paired = any(time_ratio(entry) is not None for entry in entries)
    time = RATIO if paired else KINDS["latency_ms_max"]
    axes = (KINDS["size_bytes_max"], time, ACCURACY)
    placed: list[tuple[Entry, Tradeoff]] = []
    unplaced = []
    for entry in entries:
        found = [(kind.metric, figure(kind, entry)) for kind in axes]
        reasons = [f"{key}: {v.reason}" for key, v in found if isinstance(v, Unmeasured)]
        numbers = [v for _, v in found if not isinstance(v, Unmeasured)]
        if reasons:
            unplaced.append(Unjudged(entry.case.variant, "; ".join(reasons)))
        else:
            placed.append((entry, Tradeoff(*numbers)))
    flags = on_front([point for _, point in placed])
    front = [entry for (entry, _), flag in zip(placed, flags, strict=True) if flag]
    return tuple(sorted(front, key=_rank)), tuple(unplaced), paired


def _alike(best: Entry, others: Sequence[Entry]) -> tuple[Entry, ...]:
    found = []
    for entry in others:
        p = None if entry is best else told_apart(best, entry)
        if p is not None and p >= ALPHA:
            found.append(entry)
    return tuple(found)


def told_apart(first: Entry, other: Entry) -> float | None:
    """Return the p of McNemar's exact test; None where both answered no common images."""
    one, two = first.correct(), other.correct()
    if one is None or two is None or first.eval_sha256 is None:
        return None
    if first.eval_sha256 != other.eval_sha256 or len(one) != len(two):
        return None
    return mcnemar(*discordant(one, two))


def _cost(
    entries: Sequence[Entry], limits: Sequence[Limit], limit: Limit, best: Entry | None
) -> Cost:
    without = _best(entries, [each for each in limits if each is not limit])
    if without is None or best is None or without is best:
        return Cost(limit, without)
    if without.accuracy_top1 is None or best.accuracy_top1 is None:
        raise ValueError(f"{without.case.id} or {best.case.id} has no accuracy")
    gain = without.accuracy_top1 - best.accuracy_top1
    return Cost(limit, without, gain, told_apart(best, without))


def _distance(miss: Miss) -> tuple[float, str]:
    return max(limit.excess(value) for limit, value in miss.broken), miss.entry.case.variant


def _relaxations(misses: Sequence[Miss], limits: Sequence[Limit]) -> tuple[Miss, ...]:
    """Return for each limit the variant that breaks it alone, and by the least."""
    found = []
    for limit in limits:
        alone = [miss for miss in misses if [each for each, _ in miss.broken] == [limit]]
        found += alone[:1]
    return tuple(found)
