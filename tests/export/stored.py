"""A store and a saved run with variants of the profile `digits`, whose models are tiny."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from slimbench.build import recipe
from slimbench.build.store import Store
from slimbench.history.write import save
from slimbench.networks import weights
from slimbench.spec import MODEL_FILE, Step
from slimbench.steps.export import SAVED_MODEL_FOLDER
from slimbench.suite import variants
from tests import example_history
from tests.tiny_models import SHAPE, Quantized, first_pixels, linear_model

FLOAT, INT8 = "student_distilled_f32", "student_distilled_static_wi8_ai8"
MACHINE = "Linux-CPython-3.11-64bit"
CLASSES = 10


def chain(variant: str) -> Step:
    return variants.get(variant, "digits").chain


def float_chain() -> Any:
    return chain(FLOAT)


def put_model(
    store: Store,
    variant: str,
    *,
    notes: dict[str, Any] | None = None,
    classes: int = CLASSES,
    quantized: Quantized | None = None,
) -> Path:
    """Store a tiny model as what a variant's chain gives; returns its file."""
    step = chain(variant)
    key = recipe.key(step, 0)
    with store.lock(key), store.writing(key, step.title(), recipe.chain(step)) as folder:
        linear_model(folder / MODEL_FILE, first_pixels(classes), quantized=quantized)
        if notes is not None:
            weights.write_notes(folder, notes)
    artifact = store.find(key)
    assert artifact is not None
    return artifact.file(MODEL_FILE)


def put_saved_model(store: Store) -> None:
    """Store a SavedModel as what both variants were converted from."""
    step = float_chain().saved_model
    key = recipe.key(step, 0)
    with store.lock(key), store.writing(key, step.title(), recipe.chain(step)) as folder:
        (folder / SAVED_MODEL_FOLDER / "variables").mkdir(parents=True)
        (folder / SAVED_MODEL_FOLDER / "saved_model.pb").write_bytes(b"a graph")
        (folder / SAVED_MODEL_FOLDER / "variables" / "variables.index").write_bytes(b"weights")
        weights.write_notes(folder, {})


def run_of(store: Store, models: dict[str, Path], **how: Any) -> dict[str, Any]:
    """Return the history of a run that measured these files, and others that are gone."""
    run = example_history.document(**how)
    for benchmark in run["benchmarks"]:
        info = benchmark["extra_info"]
        path = models.get(info["variant"])
        if path is not None:
            info["model_file"] = store.relative(path)
            info["model_sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
            info["size_bytes"] = path.stat().st_size
            info["input_shape"] = [1, *SHAPE]
    return run


def save_run(run: dict[str, Any], results: Path) -> Path:
    return save(run, results, MACHINE)
