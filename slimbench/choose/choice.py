"""The best variant of a run under limits, the Pareto front, and what each limit costs.

Best is the highest measured accuracy, or the best of another figure that was named, among the
variants that keep all limits; of equals the more accurate, then the faster by the paired figure,
then the smaller, then the first by name. Whether the images could
tell two variants apart is said beside the answer and never decides it: on few images a test that
finds nothing would let the faster of two win however much worse it is.

A limit is the same quantity as the budget of its kind, so both mean the same number.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from slimbench.budgets import BudgetKind, kinds
from slimbench.compare.measures import ALPHA
from slimbench.errors import UsageProblem
from slimbench.history.record import Entry, History
from slimbench.mcnemar import discordant, mcnemar
from slimbench.metrics.accuracy import TOP1
from slimbench.number_format import fixed
from slimbench.report.pareto import Tradeoff, on_front
from slimbench.spec import Figure, Unmeasured
from slimbench.suite.registry import unknown

OPTIONS: Mapping[str, str] = {
    "--max-size-mb": "size_mb_max",
    "--max-latency-ratio": "latency_ratio_max",
    "--min-accuracy": "accuracy_top1_min",
    "--max-accuracy-drop": "accuracy_drop_max",
    "--max-latency-ms": "latency_ms_max",
}
"""The budget that each option of `slimbench best` is an instance of."""

RATIO = "latency_ratio_max"

_ROUNDED_DIGITS = 3


@dataclass(frozen=True, slots=True)
class Limit:
    """A bound that an entry's figure must keep; a figure equal to the bound keeps it.

    `option` is one of `OPTIONS`, or the name of another budget.
    """

    option: str
    bound: float

    @property
    def kind(self) -> BudgetKind:
        """The budget it is an instance of."""
        return _kind(self.option)

    def figure(self, entry: Entry) -> float | Unmeasured:
        """Return the number that is held against the bound, in the bound's unit."""
        return figure(self.kind, entry)

    def excess(self, value: float) -> float:
        """Return how far a value is beyond the bound; 0 where it keeps it.

        In shares the distance itself, else as a share of the bound, unless that is 0, so that
        half a point of accuracy and half a percent of size weigh alike.
        """
        beyond = value - self.bound if self.kind.direction == "max" else self.bound - value
        absolute = self.kind.unit == "share" or not self.bound
        return max(0.0, beyond if absolute else beyond / self.bound)

    def relaxed(self, value: float) -> float:
        """Return the tightest bound of few digits that lets this value in."""
        exact = Decimal(repr(value))
        places = Decimal(1).scaleb(exact.adjusted() - _ROUNDED_DIGITS + 1)
        outward = ROUND_CEILING if self.kind.direction == "max" else ROUND_FLOOR
        bound = float(exact.quantize(places, rounding=outward))
        return bound if self.excess_of(bound, value) == 0 else value

    def excess_of(self, bound: float, value: float) -> float:
        """Return `excess` with another bound."""
        return dataclasses.replace(self, bound=bound).excess(value)

    def __str__(self) -> str:
        return f"{self.option} {fixed(self.bound)}"


def figure(kind: BudgetKind, entry: Entry) -> float | Unmeasured:
    """Return what a budget of this kind would compare, or why the entry has no such figure."""
    value = reading(kind.figure, entry)
    return value if isinstance(value, Unmeasured) else float(kind.form.convert(value))


def reading(figure: Figure, entry: Entry) -> float | Unmeasured:
    """Return an entry's value of a figure, or why it has none."""
    value = entry.value(figure.key)
    return Unmeasured(entry.reason(figure.key)) if value is None else value


def _kind(option: str) -> BudgetKind:
    name = OPTIONS.get(option, option)
    if name not in kinds():
        raise unknown("limit", name, kinds())
    return kinds()[name]


def make_limits(bounds: Mapping[str, float | None]) -> tuple[Limit, ...]:
    """Return a limit for each option whose bound is not None.

    Raises:
        UsageProblem: There is no such budget; or a bound is negative, not finite, or impossible
            for its unit.
    """
    limits = []
    for option, bound in bounds.items():
        if bound is None:
            continue
        kind = _kind(option)
        if not math.isfinite(bound) or bound < 0:
            raise UsageProblem(f"{option} must be a number from 0 up, not {bound!r}.")
        if kind.unit == "share" and bound > 1:
            raise UsageProblem(
                f"{option} is a share from 0 to 1, not {fixed(bound)}; write 95 % as 0.95."
            )
        if option in OPTIONS and kind.unit != "share" and bound == 0:
            noun = "space" if kind.group == "size" else "time"
            raise UsageProblem(f"{option} must be more than 0: nothing takes no {noun}.")
        limits.append(Limit(option, bound))
    return tuple(limits)


@dataclass(frozen=True, slots=True)
class Unjudged:
    """A variant that cannot be judged, or placed, for want of a figure."""

    variant: str
    reason: str


@dataclass(frozen=True, slots=True)
class Cost:
    """What one limit costs: the best without it, None where nothing keeps the others either.

    `gain` is that variant's accuracy minus the chosen one's, `p` that of McNemar's test of the
    two; both None where there is nothing to compare, or another figure decides.
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
    """The answer. `best` is None where nothing keeps all limits, else the best by `decides`.

    `alike` are variants of the front that keep all limits and that the images do not tell apart
    from the best. `nearest` and `relaxations` (each limit that, relaxed alone, lets a variant in)
    are there where there is no best. `paired_times` says what the front's times are: paired
    ratios to the reference, or, where there is no reference, medians of single invocations.
    """

    limits: tuple[Limit, ...]
    decides: Figure
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
    entries = tuple(
        entry
        for entry in history.entries
        if (entry.case.engine, entry.case.threads) == (engine, threads)
    )
    if not entries:
        settings = dict.fromkeys((e.case.engine, e.case.threads) for e in history.entries)
        known = ", ".join(f"--engine {engine} --threads {count}" for engine, count in settings)
        raise UsageProblem(
            f"{history.path.name} measured nothing on {engine} with --threads {threads}. "
            f"There is: {known or 'nothing'}."
        )
    return entries


def choose(entries: Sequence[Entry], limits: Sequence[Limit], decides: Figure = TOP1) -> Choice:
    """Choose the best by a figure among entries of one engine and number of threads.

    Raises:
        UsageProblem: No value of the figure is better than another; or a limit is against the
            reference, and that was not measured, so that it cannot be kept or broken.
    """
    _check_reference(entries, limits)
    if decides.better is None:
        raise UsageProblem(
            f"{decides.key} cannot decide: neither more nor less of it is better. Name another."
        )
    best = _best(entries, limits, decides)
    front, unplaced, paired_times = _front(entries)
    unjudged = [
        Unjudged(entry.case.variant, why)
        for entry in entries
        if (why := _unknown(entry, limits, decides))
    ]
    misses = sorted(
        (
            Miss(entry, _broken(entry, limits))
            for entry in entries
            if not _unknown(entry, limits, decides) and _broken(entry, limits)
        ),
        key=_distance,
    )
    return Choice(
        limits=tuple(limits),
        decides=decides,
        candidates=tuple(entries),
        best=best,
        alike=()
        if best is None or decides != TOP1
        else _alike(best, [e for e in front if _keeps(e, limits, decides)]),
        front=front,
        unplaced=unplaced,
        paired_times=paired_times,
        costs=tuple(_cost(entries, limits, limit, best, decides) for limit in limits),
        unjudged=tuple(unjudged),
        nearest=misses[0] if best is None and misses else None,
        relaxations=() if best is not None else _relaxations(misses, limits),
    )


def time_ratio(entry: Entry) -> float | None:
    """Return own time / reference time, the paired figure."""
    value = figure(kinds()[RATIO], entry)
    return None if isinstance(value, Unmeasured) else value


def _check_reference(entries: Sequence[Entry], limits: Sequence[Limit]) -> None:
    if any(entry.is_reference for entry in entries):
        return
    for limit in limits:
        if limit.kind.figure.against_reference:
            raise UsageProblem(
                f"{limit.option} is against {entries[0].reference}, which this run did not "
                f"measure on {entries[0].case.engine} with {entries[0].case.threads} threads. "
                "Name another run, or limit the variants' own figures "
                "(--max-latency-ms, --min-accuracy)."
            )


def _unknown(entry: Entry, limits: Sequence[Limit], decides: Figure) -> str:
    """Return why an entry cannot be judged by these limits, or "" where it can."""
    figures = (decides, *(limit.kind.figure for limit in limits))
    values = {one.key.partition(".")[0]: reading(one, entry) for one in figures}
    reasons = [
        f"{metric}: {value.reason}"
        for metric, value in values.items()
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


def _keeps(entry: Entry, limits: Sequence[Limit], decides: Figure) -> bool:
    return not _unknown(entry, limits, decides) and not _broken(entry, limits)


def _best(entries: Sequence[Entry], limits: Sequence[Limit], decides: Figure) -> Entry | None:
    kept = (entry for entry in entries if _keeps(entry, limits, decides))
    return min(kept, key=lambda entry: _rank(entry, decides), default=None)


def _rank(entry: Entry, decides: Figure = TOP1) -> tuple[float, float, float, float, str]:
    """What was not measured comes last among equals."""
    first, accuracy = entry.value(decides.key), entry.accuracy_top1
    if first is None:
        raise ValueError(f"{entry.case.id} has no {decides.key} to rank by")
    time, size = time_ratio(entry), entry.size_bytes
    return (
        first if decides.better == "less" else -first,
        math.inf if accuracy is None else -accuracy,
        math.inf if time is None else time,
        math.inf if size is None else size,
        entry.case.variant,
    )


def _front(entries: Sequence[Entry]) -> tuple[tuple[Entry, ...], tuple[Unjudged, ...], bool]:
    """Return the Pareto front by accuracy, what could not be placed, and which times decided."""
    paired = any(time_ratio(entry) is not None for entry in entries)
    names = ("size_bytes_max", RATIO if paired else "latency_ms_max", "accuracy_top1_min")
    axes = [kinds()[name] for name in names]
    placed: list[tuple[Entry, Tradeoff]] = []
    unplaced = []
    for entry in entries:
        values = [(kind.metric, figure(kind, entry)) for kind in axes]
        reasons = [f"{key}: {v.reason}" for key, v in values if isinstance(v, Unmeasured)]
        numbers = [v for _, v in values if not isinstance(v, Unmeasured)]
        if reasons:
            unplaced.append(Unjudged(entry.case.variant, "; ".join(reasons)))
        else:
            placed.append((entry, Tradeoff(*numbers)))
    flags = on_front([point for _, point in placed])
    front = [entry for (entry, _), flag in zip(placed, flags, strict=True) if flag]
    return tuple(sorted(front, key=_rank)), tuple(unplaced), paired


def _alike(best: Entry, others: Sequence[Entry]) -> tuple[Entry, ...]:
    entries = []
    for entry in others:
        p = None if entry is best else told_apart(best, entry)
        if p is not None and p >= ALPHA:
            entries.append(entry)
    return tuple(entries)


def told_apart(first: Entry, other: Entry) -> float | None:
    """Return the p of McNemar's exact test; None where both answered no common images."""
    one, two = first.correct(), other.correct()
    if one is None or two is None or first.eval_sha256 is None:
        return None
    if first.eval_sha256 != other.eval_sha256 or len(one) != len(two):
        return None
    return mcnemar(*discordant(one, two))


def _cost(
    entries: Sequence[Entry],
    limits: Sequence[Limit],
    limit: Limit,
    best: Entry | None,
    decides: Figure,
) -> Cost:
    without = _best(entries, [other for other in limits if other is not limit], decides)
    if without is None or best is None or without is best or decides != TOP1:
        return Cost(limit, without)
    if without.accuracy_top1 is None or best.accuracy_top1 is None:
        raise ValueError(f"{without.case.id} or {best.case.id} has no accuracy")
    gain = without.accuracy_top1 - best.accuracy_top1
    return Cost(limit, without, gain, told_apart(best, without))


def _distance(miss: Miss) -> tuple[float, str]:
    return max(limit.excess(value) for limit, value in miss.broken), miss.entry.case.variant


def _relaxations(misses: Sequence[Miss], limits: Sequence[Limit]) -> tuple[Miss, ...]:
    """Return for each limit the variant that breaks it alone, and by the least."""
    relaxations: list[Miss] = []
    for limit in limits:
        alone = [miss for miss in misses if [broken for broken, _ in miss.broken] == [limit]]
        relaxations += alone[:1]  # misses are sorted by distance
    return tuple(relaxations)
