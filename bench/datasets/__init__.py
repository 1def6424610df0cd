"""On what variants are scored: one file per data set, each with a `DATASET`."""

from __future__ import annotations

import sys

from bench import registry
from bench.spec import DataSet


def all_datasets() -> dict[str, DataSet]:
    """Return every data set by name."""
    return registry.by_name(sys.modules[__name__], "DATASET")


def get(name: str) -> DataSet:
    """Return a data set; raises UsageProblem that lists what exists."""
    known = all_datasets()
    if name not in known:
        raise registry.unknown("data set", name, known)
    return known[name]
