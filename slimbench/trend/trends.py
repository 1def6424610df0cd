"""The trend of one metric of one variant: its saved figures in order, and the levels they form.

A time belongs to a machine, a runtime and a number of threads, an accuracy to its images, a ratio
to its reference. Where one of these differs, two figures say nothing about each other, so they are
never in one partition, and nothing is computed or drawn across two.
"""

from __future__ import annotations

import dataclasses
import difflib
import functools
import json
import re
import sqlite3
import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NoReturn

from slimbench.engines import distributions
from slimbench.errors import UsageProblem
from slimbench.history.machine import UNKNOWN
from slimbench.metrics import figure
from slimbench.report.notes import clean
from slimbench.report.quantity import Quantity, quantity
from slimbench.trend.change_points import level_starts


@dataclass(frozen=True, slots=True)
class Query:
    """The variant and metric of a trend; a field that is None selects all."""

    variant: str
    metric: str
    profile: str | None = None
    engine: str | None = None
    threads: int | None = None


@dataclass(frozen=True, slots=True)
class Partition:
    """The conditions that runs must share for their figures to be comparable.

    `machine` is the machine id, `runtime` the runtime's package and version, `options` those of
    the runtime beyond file and threads; `images` and `reference` are empty where the metric does
    not depend on them.
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


def series(connection: sqlite3.Connection, query: Query) -> tuple[Series, ...]:
    """Return what is saved of a metric, the partition with the newest run last; never nothing.

    Raises:
        UsageProblem: There is no such variant or metric; it lists those there are.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]*(\.[a-z0-9_]+)?", query.metric):
        _reject_metric(connection, query)
    partitions: dict[Partition, list[Point]] = {}
    is_known = False
    for conditions, reading in _rows(connection, query):
        partition, file = _partition_and_file(conditions, query.metric)
        point = _point(file, reading, query.metric)
        is_known = is_known or point.value is not None or bool(point.reason)
        partitions.setdefault(partition, []).append(point)
    if not partitions:
        _reject_variant(connection, query)
    if not is_known:
        _reject_metric(connection, query)
    unsorted = [Series(partition, tuple(points)) for partition, points in partitions.items()]
    return tuple(sorted(unsorted, key=lambda one: max(point.taken for point in one.points)))


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
    return tuple((_path_text(path), clean(problem)) for path, problem in rows)


_Conditions = tuple[bytes, str, str, int, str, str, str, str, str | None]
"""Path, CPU, engine, threads, versions, options, profile, reference, images."""

_Reading = tuple[float | None, str, int, str, str, int, str]
"""Value, reasons, run number, date, commit, whether it had changes, status."""


def _rows(connection: sqlite3.Connection, query: Query) -> Iterator[tuple[_Conditions, _Reading]]:
    """Yield the conditions and the reading of each run, by run number."""
    rows = connection.execute(
        "SELECT path, cpu, engine, threads, versions, options, profile, reference, images, "
        "json_extract(figures, :place), reasons, number, taken, revision, dirty, status "
        "FROM shown WHERE variant = :variant AND (:profile IS NULL OR profile = :profile) "
        "AND (:engine IS NULL OR engine = :engine) AND (:threads IS NULL OR threads = :threads) "
        "ORDER BY number, path",
        {**dataclasses.asdict(query), "place": f'$."{query.metric}"'},
    )
    for row in rows:
        yield row[:9], row[9:]


def _partition_and_file(conditions: _Conditions, metric: str) -> tuple[Partition, bytes]:
    """Return the partition that a figure belongs to, and the name of its file."""
    path, *rest, reference, images = conditions
    machine, _, file = path.rpartition(b"/")
    kind = figure(metric)
    return _partition(
        (
            machine,
            *rest,
            reference if kind.against_reference else "",
            (images or UNKNOWN)[:12] if kind.on_images else "",
        )
    ), file


@functools.cache
def _partition(conditions: tuple[Any, ...]) -> Partition:
    machine, cpu, engine, threads, versions, options, profile, reference, images = conditions
    return Partition(
        machine=_path_text(machine),
        cpu=cpu,
        engine=engine,
        threads=threads,
        runtime=_runtime(engine, versions),
        options=_options(options),
        profile=profile,
        images=images,
        reference=reference,
    )


def _point(file: bytes, reading: _Reading, metric: str) -> Point:
    value, reasons, number, taken, revision, dirty, status = reading
    return Point(
        number=number,
        file=_path_text(file),
        taken=datetime.fromisoformat(taken),
        commit=revision,
        dirty=bool(dirty),
        status=status,
        value=value,
        reason="" if value is not None else _reason(reasons, metric),
    )


def _runtime(engine: str, versions: str) -> str:
    """Return package and version; all recorded versions for an engine of an unknown package."""
    recorded: Mapping[str, str] = json.loads(versions)
    distribution = distributions().get(engine)
    if distribution is not None:
        return clean(f"{distribution} {recorded.get(distribution, UNKNOWN)}")
    return clean(", ".join(f"{name} {version}" for name, version in recorded.items()))


def _options(options: str) -> str:
    recorded: Mapping[str, str] = json.loads(options)
    return clean(", ".join(f"{name}={value}" for name, value in recorded.items()))


@functools.cache
def _reason(reasons: str, metric: str) -> str:
    """Return why a metric has no value; recorded under its key, or the part before the dot."""
    recorded: Mapping[str, str] = json.loads(reasons)
    return clean(recorded.get(metric) or recorded.get(metric.partition(".")[0], ""))


def _path_text(path: bytes) -> str:
    return clean(path.decode(errors="replace"))


def _reject_variant(connection: sqlite3.Connection, query: Query) -> NoReturn:
    known = variants(connection)
    if not known:
        raise UsageProblem(
            "There is no saved run here whose figures could be shown. Run the benchmarks first, "
            "or say with --results where histories are."
        )
    if query.variant not in known:
        raise UsageProblem(
            f"No saved run has a variant {query.variant!r}."
            f"{_nearest(query.variant, known)} There are: {', '.join(known)}."
        )
    rows = connection.execute(
        "SELECT DISTINCT engine, threads, profile FROM shown WHERE variant = ? ORDER BY 1, 2, 3",
        (query.variant,),
    )
    there = "; ".join(
        f"--engine={engine} --threads={threads} --profile={profile}"
        for engine, threads, profile in rows
    )
    raise UsageProblem(f"No saved run of {query.variant} fits these options. There is: {there}.")


def _reject_metric(connection: sqlite3.Connection, query: Query) -> NoReturn:
    if query.variant not in variants(connection):
        _reject_variant(connection, query)
    known = _column(
        connection,
        "SELECT DISTINCT key FROM shown, json_each(figures) WHERE variant = ? ORDER BY key",
        query.variant,
    )
    raise UsageProblem(
        f"No saved run of {query.variant} has a metric {query.metric!r}."
        f"{_nearest(query.metric, known)} There are: {', '.join(known)}."
    )


def _column(connection: sqlite3.Connection, query: str, *values: str) -> tuple[str, ...]:
    return tuple(value for (value,) in connection.execute(query, values))


def _nearest(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, tuple(known), n=1)
    return f" Is {close[0]} meant?" if close else ""


@dataclass(frozen=True, slots=True)
class Level:
    """Successive runs that have a figure and no change between them; `value` is their median."""

    points: tuple[Point, ...]
    value: float


@dataclass(frozen=True, slots=True)
class TrendRun:
    """A run of a trend, with its level.

    `level` is its index in the trend's levels, None without a figure; `before` is the value of the
    level before that, None in the first. `is_change` is true for the first run of each level but
    the first.
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
    runs: tuple[TrendRun, ...]
    levels: tuple[Level, ...]

    @property
    def changes(self) -> tuple[TrendRun, ...]:
        """The first run of each level but the first."""
        return tuple(run for run in self.runs if run.is_change)


def trends(connection: sqlite3.Connection, query: Query) -> tuple[Trend, ...]:
    """Return the trend of each partition, the one with the newest run last; never nothing.

    Raises:
        UsageProblem: There is no such variant or metric; it lists those there are.
    """
    kind = quantity(query.metric)
    partitions = series(connection, query)
    return tuple(
        trend(one, kind, level_starts(_values(one.points), exact=kind.exact)) for one in partitions
    )


def trend(runs: Series, kind: Quantity, starts: Sequence[int]) -> Trend:
    """Cut a series where its levels begin; indices count the points that have a figure."""
    valued = [point for point in runs.points if point.value is not None]
    stops = [*starts[1:], len(valued)] if starts else []
    levels = tuple(
        Level(tuple(valued[start:stop]), statistics.median(_values(valued[start:stop])))
        for start, stop in zip(starts, stops, strict=True)
    )
    return Trend(runs.partition, kind, tuple(_trend_runs(runs.points, levels)), levels)


def _trend_runs(points: Sequence[Point], levels: Sequence[Level]) -> Iterator[TrendRun]:
    """Yield each point with its level; the levels hold the points with a figure, in order."""
    positions = iter(
        (index, i == 0) for index, level in enumerate(levels) for i in range(len(level.points))
    )
    for point in points:
        if point.value is None:
            yield TrendRun(point)
            continue
        index, first = next(positions)
        before = levels[index - 1].value if index else None
        yield TrendRun(point, index, before, first and index > 0)


def _values(points: Sequence[Point]) -> list[float]:
    return [point.value for point in points if point.value is not None]
