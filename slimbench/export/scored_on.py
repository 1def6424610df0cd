"""The images that a saved run was scored on, found again in the store.

A history keeps their hash alone. Which of the store's images have it is found out by hashing those
of the same data set and size.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from slimbench.build.store import MANIFEST, Artifact, Store
from slimbench.datasets.evaluation import Evaluation, evaluation_sha256, load_evaluation
from slimbench.history.record import Entry
from slimbench.steps.photos import EvaluationPhotos


def scored_on(entry: Entry, store: Store) -> Evaluation | None:
    """Return the photographs that a case was scored on; None where the store lacks them."""
    if entry.eval_sha256 is None:
        return None
    for artifact in store.objects():
        if not is_photographs_of(entry, artifact):
            continue
        intact = store.find(artifact.key)
        if intact is not None:
            found = load_evaluation(intact.folder)
            if evaluation_sha256(found.images, found.labels) == entry.eval_sha256:
                return found
    return None


def is_photographs_of(entry: Entry, artifact: Artifact) -> bool:
    """Tell whether an object holds photographs of a case's data set at its model's input size."""
    recipe = _recipe(artifact.folder)
    if entry.eval_sha256 is None or recipe.get("step") != EvaluationPhotos.__name__:
        return False
    fields = recipe["fields"]
    size = tuple(fields[name] for name in ("height", "width", "channels"))
    return fields["dataset"] == entry.dataset and size == entry.input_shape[-3:]


def _recipe(folder: Path) -> dict[str, Any]:
    recipe: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["recipe"]
    return recipe
