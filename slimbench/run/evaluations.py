"""On what each variant of a run is scored."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, cast

from slimbench import datasets
from slimbench.build.store import Store
from slimbench.datasets.photos.source import Photos, open_photos
from slimbench.networks.weights import Network
from slimbench.spec import Choices, PhotoSet, Step, Variant
from slimbench.steps.images import Images
from slimbench.steps.photos import EvaluationPhotos, of_photos
from slimbench.user_models.prepare import NO_DATA


def evaluations(variants: Sequence[Variant], choices: Choices) -> dict[str, Step | None]:
    """Return for each variant the step that holds what it is scored on, None where nothing is.

    Raises:
        UsageProblem: The user's data cannot be used, or no such data set exists.
    """
    photo_sets = datasets.photo_sets()
    steps: dict[str, Step | None] = {}
    for variant in variants:
        if variant.evaluation is not None:
            steps[variant.name] = variant.evaluation
        elif variant.dataset == NO_DATA:
            steps[variant.name] = None
        elif variant.dataset in photo_sets:
            steps[variant.name] = _photos(photo_sets[variant.dataset], variant, choices)
        else:
            steps[variant.name] = Images(datasets.get(variant.dataset).name)
    return steps


def remarks(steps: Iterable[Step | None]) -> tuple[str, ...]:
    """Return what a person should know of the photographs that are scored on, each once."""
    photographs = (step for step in steps if isinstance(step, EvaluationPhotos))
    return tuple(dict.fromkeys(note for step in photographs for note in step.notes))


def _photos(photo_set: PhotoSet, variant: Variant, choices: Choices) -> Step | None:
    """Return the step that prepares the user's photographs at a variant's size."""
    if choices.data is None:
        return None
    photos = _opened(choices.data.expanduser(), choices.limit)
    shape = _network(variant.chain).input_shape
    return of_photos(
        photos, photo_set.name, shape, classes=photo_set.classes, allow_bad=choices.allow_bad
    )


@functools.cache
def _opened(path: Path, limit: int) -> Photos:
    """Open it once for all variants."""
    store = Store()
    store.prepare()
    return open_photos(path, store, limit=limit)


def _network(step: Step) -> Network:
    """Return the first network found going back through a chain's steps."""
    fields = (getattr(step, field.name) for field in dataclasses.fields(cast(Any, step)))
    network = next((value for value in fields if isinstance(value, Network)), None)
    return network or _network(step.inputs[0])
