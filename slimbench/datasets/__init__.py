"""On what variants are scored: one file per data set, each with a `DATASET` or `PHOTOS`.

A `DATASET` is whole: it is trained on, calibrated with and scored on. `PHOTOS` are a user's, and
networks that were trained elsewhere are only scored on them, each at its own size.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from slimbench.spec import Choices, DataSet, PhotoSet, Step, Variant
from slimbench.suite import registry


def all_datasets() -> dict[str, DataSet]:
    """Return every data set by name."""
    return registry.by_name(sys.modules[__name__], "DATASET")


def get(name: str) -> DataSet:
    """Return a data set; raises UsageProblem that lists what exists."""
    known = all_datasets()
    if name not in known:
        raise registry.unknown("data set", name, known)
    return known[name]


def evaluations(variants: Sequence[Variant], choices: Choices) -> dict[str, Step | None]:
    """Return for each variant the step that holds what it is scored on, None where nothing is.

    Raises:
        UsageProblem: The user's data cannot be used, or no such data set exists.
    """
    from slimbench.steps.images import Images

    photos: dict[str, PhotoSet] = registry.by_name(sys.modules[__name__], "PHOTOS")
    found: dict[str, Step | None] = {}
    for variant in variants:
        if variant.evaluation is not None:
            found[variant.name] = variant.evaluation
        elif variant.dataset in photos:
            found[variant.name] = photos[variant.dataset].evaluation(variant, choices)
        else:
            found[variant.name] = Images(get(variant.dataset).name)
    return found
