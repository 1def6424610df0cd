"""What is read off a variant: one file per metric or family, each with `METRICS`."""

from __future__ import annotations

import sys
from collections.abc import Collection
from types import ModuleType

from slimbench.spec import Group, Metric
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
