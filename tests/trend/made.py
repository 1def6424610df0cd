"""Trends made of numbers alone, to show."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import timedelta

from slimbench.report.quantity import quantity
from slimbench.trend.change_points import level_starts
from slimbench.trend.trends import Partition, Point, Series, Trend, trend
from tests.trend.saved import BEGIN, MACHINE

PARTITION = Partition(
    MACHINE, "Some CPU (2 CPUs)", "litert", 1, "ai-edge-litert 2.3.0", "", "digits", "", ""
)
P50 = "latency_ms.p50"


def point(number: int, value: float | None, status: str = "complete", reason: str = "") -> Point:
    return Point(
        number=number,
        file=f"{number:04d}_f0c7a1d2b3e4_20250301_120005.json",
        taken=BEGIN + timedelta(hours=number),
        commit="f0c7a1d2b3e4958677a8b9c0d1e2f3a4b5c6d7e8",
        dirty=False,
        status=status,
        value=value,
        reason=reason,
    )


def made(
    values: Sequence[float | None], metric: str = P50, first: int = 1, **partition: object
) -> Trend:
    """Return the trend of these values, each a run's; None was not measured."""
    points = tuple(
        point(number, value, reason="" if value is not None else "the clock stood still")
        for number, value in enumerate(values, first)
    )
    return of(points, metric, **partition)


def of(points: Sequence[Point], metric: str = P50, **partition: object) -> Trend:
    kind = quantity(metric)
    starts = level_starts([p.value for p in points if p.value is not None], exact=kind.exact)
    found = Series(dataclasses.replace(PARTITION, **partition), tuple(points))  # type: ignore[arg-type]
    return trend(found, kind, starts)
