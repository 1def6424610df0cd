"""What is read off a variant: one file per metric or family, each with `METRICS`."""

from __future__ import annotations

import functools
import sys
from collections.abc import Collection, Mapping
from types import ModuleType
from typing import get_args

from slimbench.spec import UNIT_ENDINGS, Figure, Group, Metric, Unit
from slimbench.suite import registry


def collect(package: ModuleType) -> tuple[Metric, ...]:
    """Return the metrics of a package's modules; raises ValueError where two share a key."""
    found: dict[str, str] = {}
    metrics: list[Metric] = []
    for module in registry.modules(package):
        for metric in getattr(module, "METRICS", ()):
            for key in metric.keys:
                if key in found:
                    raise ValueError(
                        f"The metric key {key!r} is read by {found[key]} and by "
                        f"{module.__name__}; rename one of them."
                    )
                found[key] = module.__name__
            metrics.append(metric)
    return tuple(metrics)


def all_metrics() -> tuple[Metric, ...]:
    """Return every metric, in the order of their modules' names."""
    return collect(sys.modules[__name__])


def for_group(group: Group) -> tuple[Metric, ...]:
    """Return the metrics that one benchmark reads."""
    return tuple(metric for metric in all_metrics() if metric.group == group)


def keys(groups: Collection[Group]) -> tuple[str, ...]:
    """Return every key that some metric of these benchmarks reads."""
    return tuple(key for metric in all_metrics() if metric.group in groups for key in metric.keys)


@functools.cache
def by_group() -> Mapping[Group, tuple[Figure, ...]]:
    """Return the figures of each benchmark.

    Raises:
        ValueError: A figure belongs to none of its metric's keys.
    """
    figures: dict[Group, list[Figure]] = {group: [] for group in get_args(Group)}
    for metric in all_metrics():
        # A metric that was written for an earlier version describes no figures.
        for figure in getattr(metric, "figures", ()):
            if figure.key.partition(".")[0] not in metric.keys:
                raise ValueError(
                    f"The figure {figure.key!r} is of no key that its metric reads "
                    f"({', '.join(metric.keys)}); add its key, or correct it."
                )
            figures[metric.group].append(figure)
    return {group: tuple(described) for group, described in figures.items()}


@functools.cache
def figures() -> Mapping[str, Figure]:
    """Return every figure that a metric describes, by its key."""
    return {figure.key: figure for group in by_group().values() for figure in group}


def with_columns() -> tuple[Figure, ...]:
    """Return the figures that have a column of their own, the time first."""
    named = (one for one in figures().values() if one.column)
    return tuple(sorted(named, key=lambda one: one.judge != "pairs"))


def described(name: str) -> Figure:
    """Return a figure that a user names by its key, or by its column.

    Raises:
        UsageProblem: There is no such figure; it lists those there are.
    """
    known = {**figures(), **{one.column: one for one in with_columns()}}
    if name not in known:
        raise registry.unknown("metric", name, known)
    return known[name]


@functools.cache
def figure(key: str) -> Figure:
    """Return what is known of a figure; one that no metric describes has the unit it ends in."""
    whole = key.partition(".")[0]
    unit: Unit = next(
        (unit for unit in ("ms", "bytes", "MiB") if whole.endswith(UNIT_ENDINGS[unit])), "number"
    )
    return figures().get(key) or Figure(key, unit)
