"""The trend of one metric of one variant: its saved figures in order, and the levels they form.

A time belongs to a machine, a runtime and a number of threads, an accuracy to its images, a ratio
to its reference. Where one of these differs, two figures say nothing about each other, so they are
never in one partition, and nothing is computed or drawn across two.
"""

from __future__ import annotations

import dataclasses
import difflib
import functools
import hashlib
import json
import re
import sqlite3
import statistics
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NoReturn

from slimbench.errors import UsageProblem
from slimbench.gate.runtime import RUNTIMES
from slimbench.history.machine import UNKNOWN
from slimbench.report.notes import clean
from slimbench.trend.change_points import PROCEDURE, by_stretches, level_starts
from slimbench.trend.quantity import AGAINST_REFERENCE, ON_IMAGES, Quantity, quantity


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for; None does not narrow."""

    variant: str
    metric: str
    profile: str | None = None
    engine: str | None = None
    threads: int | None = None


@dataclass(frozen=True, slots=True)
class Partition:
    """Under what a figure was taken.

    `machine` is the machine id, `runtime` the runtime's package and version, `options` what it
    was told beyond file and threads; `images` and `reference` are empty where the metric does not
    depend on them.
    """

    machine: str
    cpu: str
    engine: str
    threads: int
    runtime: str
    options: str
    profile: str
    images: str
    reference: str


@dataclass(frozen=True, slots=True)
class Point:
    """A run's figure; `value` is None where `reason` says why."""

    number: int
    file: str
    taken: datetime
    commit: str
    dirty: bool
    status: str
    value: float | None
    reason: str


@dataclass(frozen=True, slots=True)
class Series:
    """The runs of one partition, by number."""

    partition: Partition
    points: tuple[Point, ...]


def series(connection: sqlite3.Connection, wanted: Wanted) -> tuple[Series, ...]:
    """Return what is saved of a metric, the partition with the newest run last; never nothing.

    Raises:
        UsageProblem: There is no such variant or metric; it lists those there are.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]*(\.[a-z0-9_]+)?", wanted.metric):
        _refuse_metric(connection, wanted)
    partitions: dict[Partition, list[Point]] = {}
    seen = False
    for under, shown in _rows(connection, wanted):
        partition, file = _placed(under, wanted.metric)
        point = _point(file, shown, wanted.metric)
        seen = seen or point.value is not None or bool(point.reason)
        partitions.setdefault(partition, []).append(point)
    if not partitions:
        _refuse_variant(connection, wanted)
    if not seen:
        _refuse_metric(connection, wanted)
    found = [Series(partition, tuple(points)) for partition, points in partitions.items()]
    return tuple(sorted(found, key=lambda each: max(point.taken for point in each.points)))


def variants(connection: sqlite3.Connection) -> tuple[str, ...]:
    """Return the variants of all runs whose figures are shown, in the order of the alphabet."""
    return _column(
        connection,
        "SELECT DISTINCT variant FROM shown ORDER BY variant",
    )


def skipped(connection: sqlite3.Connection) -> tuple[tuple[str, str], ...]:
    """Return each history that could not be read, by its path, and why; the newest first."""
    rows = connection.execute(
        "SELECT path, problem FROM file WHERE problem IS NOT NULL ORDER BY number DESC, path"
    )
    return tuple((_shown(path), clean(problem)) for path, problem in rows)


_Under = tuple[bytes, str, str, int, str, str, str, str, str | None]
"""Path, CPU, engine, threads, versions, options, profile, reference, images."""

_Shown = tuple[float | None, str, int, str, str, int, str]


def _rows(connection: sqlite3.Connection, wanted: Wanted) -> Iterator[tuple[_Under, _Shown]]:
    """Yield what a figure was taken under, and the rest, by number."""
    rows = connection.execute(
        "SELECT path, cpu, engine, threads, versions, options, profile, reference, images, "
        "json_extract(figures, :place), reasons, number, taken, revision, dirty, status "
        "FROM shown WHERE variant = :variant AND (:profile IS NULL OR profile = :profile) "
        "AND (:engine IS NULL OR engine = :engine) AND (:threads IS NULL OR threads = :threads) "
        "ORDER BY number, path",
        {**dataclasses.asdict(wanted), "place": f'$."{wanted.metric}"'},
    )
    for row in rows:
        yield row[:9], row[9:]


def _placed(under: _Under, metric: str) -> tuple[Partition, bytes]:
    """Return the partition that a figure belongs to, and the name of its file."""
    path, *rest, reference, images = under
    machine, _, file = path.rpartition(b"/")
    return _partition(
        (
            machine,
            *rest,
            reference if metric in AGAINST_REFERENCE else "",
            (images or UNKNOWN)[:12] if metric in ON_IMAGES else "",
        )
    ), file


@functools.cache
def _partition(under: tuple[Any, ...]) -> Partition:
    machine, cpu, engine, threads, versions, options, profile, reference, images = under
    return Partition(
        machine=_shown(machine),
        cpu=cpu,
        engine=engine,
        threads=threads,
        runtime=_runtime(engine, versions),
        options=_options(options),
        profile=profile,
        images=images,
        reference=reference,
    )


def _point(file: bytes, shown: _Shown, metric: str) -> Point:
    value, reasons, number, taken, revision, dirty, status = shown
    return Point(
        number=number,
        file=_shown(file),
        taken=datetime.fromisoformat(taken),
        commit=revision,
        dirty=bool(dirty),
        status=status,
        value=value,
        reason="" if value is not None else _reason(reasons, metric),
    )


def _runtime(engine: str, versions: str) -> str:
    """Name package and version; of an engine whose package is not known, all versions there are."""
    recorded: Mapping[str, str] = json.loads(versions)
    distribution = RUNTIMES.get(engine)
    if distribution is not None:
        return clean(f"{distribution} {recorded.get(distribution, UNKNOWN)}")
    return clean(", ".join(f"{name} {version}" for name, version in recorded.items()))


def _options(options: str) -> str:
    recorded: Mapping[str, str] = json.loads(options)
    return clean(", ".join(f"{name}={value}" for name, value in recorded.items()))


@functools.cache
def _reason(reasons: str, metric: str) -> str:
    """Say why a metric has no value: under its own key, or under the part before the dot."""
    recorded: Mapping[str, str] = json.loads(reasons)
    return clean(recorded.get(metric) or recorded.get(metric.partition(".")[0], ""))


def _shown(path: bytes) -> str:
    return clean(path.decode(errors="replace"))


def _refuse_variant(connection: sqlite3.Connection, wanted: Wanted) -> NoReturn:
    known = variants(connection)
    if not known:
        raise UsageProblem(
            "There is no saved run here whose figures could be shown. Run the benchmarks first, "
            "or say with --results where histories are."
        )
    if wanted.variant not in known:
        raise UsageProblem(
            f"No saved run has a variant {wanted.variant!r}."
            f"{_nearest(wanted.variant, known)} There are: {', '.join(known)}."
        )
    rows = connection.execute(
        "SELECT DISTINCT engine, threads, profile FROM shown WHERE variant = ? ORDER BY 1, 2, 3",
        (wanted.variant,),
    )
    there = "; ".join(
        f"--engine={engine} --threads={threads} --profile={profile}"
        for engine, threads, profile in rows
    )
    raise UsageProblem(f"No saved run of {wanted.variant} fits these options. There is: {there}.")


def _refuse_metric(connection: sqlite3.Connection, wanted: Wanted) -> NoReturn:
    if wanted.variant not in variants(connection):
        _refuse_variant(connection, wanted)
    known = _column(
        connection,
        "SELECT DISTINCT key FROM shown, json_each(figures) WHERE variant = ? ORDER BY key",
        wanted.variant,
    )
    raise UsageProblem(
        f"No saved run of {wanted.variant} has a metric {wanted.metric!r}."
        f"{_nearest(wanted.metric, known)} There are: {', '.join(known)}."
    )


def _column(connection: sqlite3.Connection, query: str, *values: str) -> tuple[str, ...]:
    return tuple(value for (value,) in connection.execute(query, values))


def _nearest(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, tuple(known), n=1)
    return f" Is {close[0]} meant?" if close else ""


KEPT = 50_000
"""Stretches whose levels the index keeps; one that grew has new ones. Ten thousand runs of fourteen
variants have some 2,400, of nine timed metrics."""


@dataclass(frozen=True, slots=True)
class Level:
    """Successive runs that have a figure and no change between them; `value` is their median."""

    points: tuple[Point, ...]
    value: float


@dataclass(frozen=True, slots=True)
class Marked:
    """A run with its place: `level` is None without a figure, `before` in the first level.

    `before` is the value of the level before the run's own, and `is_change` says that the run
    begins its own, other than the first.
    """

    point: Point
    level: int | None = None
    before: float | None = None
    is_change: bool = False


@dataclass(frozen=True, slots=True)
class Trend:
    """The runs of a partition, by number, and their levels in the same order."""

    partition: Partition
    quantity: Quantity
    runs: tuple[Marked, ...]
    levels: tuple[Level, ...]

    @property
    def changes(self) -> tuple[Marked, ...]:
        """The runs at which a level begins, but for the first level."""
        return tuple(run for run in self.runs if run.is_change)


def trends(connection: sqlite3.Connection, wanted: Wanted) -> tuple[Trend, ...]:
    """Return the trend of each partition, the one with the newest run last; never nothing.

    Raises:
        UsageProblem: There is no such variant or metric; it lists those there are.
    """
    kind = quantity(wanted.metric)
    found = series(connection, wanted)
    with _together(connection):
        return tuple(
            trend(each, kind, _starts(connection, _values(each.points), exact=kind.exact))
            for each in found
        )


def trend(found: Series, kind: Quantity, starts: Sequence[int]) -> Trend:
    """Cut a series where its levels begin; indices count the points that have a figure."""
    valued = [point for point in found.points if point.value is not None]
    stops = [*starts[1:], len(valued)] if starts else []
    levels = tuple(
        Level(tuple(valued[start:stop]), statistics.median(_values(valued[start:stop])))
        for start, stop in zip(starts, stops, strict=True)
    )
    return Trend(found.partition, kind, tuple(_marked(found.points, levels)), levels)


def _marked(points: Sequence[Point], levels: Sequence[Level]) -> Iterator[Marked]:
    """Yield each point with its level; those with a figure are in the levels in their order."""
    places = iter(
        (place, i == 0) for place, level in enumerate(levels) for i in range(len(level.points))
    )
    for point in points:
        if point.value is None:
            yield Marked(point)
            continue
        place, first = next(places)
        before = levels[place - 1].value if place else None
        yield Marked(point, place, before, first and place > 0)


def _starts(
    connection: sqlite3.Connection, values: Sequence[float], *, exact: bool
) -> tuple[int, ...]:
    if exact:
        return level_starts(values, exact=True)
    return by_stretches(values, lambda stretch: _remembered(connection, stretch))


def _remembered(connection: sqlite3.Connection, values: Sequence[float]) -> tuple[int, ...]:
    """Look for levels, or for the index's record of having looked in the very same values."""
    text = array("d", values).tobytes()
    digest = hashlib.sha256(b"%d " % PROCEDURE + text).hexdigest()
    row = connection.execute("SELECT starts FROM found WHERE digest = ?", (digest,)).fetchone()
    if row is not None:
        return tuple(json.loads(row[0]))
    starts = level_starts(values, exact=False)
    connection.execute("INSERT INTO found VALUES (?, ?)", (digest, json.dumps(starts)))
    connection.execute(
        "DELETE FROM found WHERE rowid <= (SELECT max(rowid) FROM found) - ?", (KEPT,)
    )
    return starts


@contextmanager
def _together(connection: sqlite3.Connection) -> Iterator[None]:
    """Write what is found to the disk at once, not stretch by stretch."""
    connection.execute("BEGIN")
    with connection:
        yield


def _values(points: Sequence[Point]) -> list[float]:
    return [point.value for point in points if point.value is not None]
