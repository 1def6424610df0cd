"""A series with its levels: what tables and charts show."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import statistics
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from slimbench.trend.change_points import PROCEDURE, by_stretches, level_starts
from slimbench.trend.quantity import Quantity, quantity
from slimbench.trend.series import Partition, Point, Series, Wanted, series

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
