"""On what variants are scored: one file for each data set, with a `DATASET` or `PHOTOS`.

A `DATASET` is whole: it is trained on, calibrated with and scored on. `PHOTOS` are a user's, and
networks that were trained elsewhere are only scored on them, each at its own size.
"""

from __future__ import annotations

import sys

from slimbench.spec import DataSet, PhotoSet
from slimbench.suite import registry


def all_datasets() -> dict[str, DataSet]:
    """Return every data set by name."""
    return registry.by_name(sys.modules[__name__], "DATASET")


def photo_sets() -> dict[str, PhotoSet]:
    """Return every set of photographs by name."""
    return registry.by_name(sys.modules[__name__], "PHOTOS")


def get(name: str) -> DataSet:
    """Return a data set; raises UsageProblem that lists what exists."""
    known = all_datasets()
    if name not in known:
        raise registry.unknown("data set", name, known)
    return known[name]
