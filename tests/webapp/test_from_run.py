from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from slimbench.build.store import Store
from slimbench.datasets.evaluation import ImagesWriter, evaluation_sha256, save_labels
from slimbench.errors import UsageProblem
from slimbench.webapp.from_run import from_run
from tests import example_history
from tests.export.stored import FLOAT, INT8, put_model, run_of, save_run
from tests.tiny_models import SHAPE, Quantized

KEY = "b" * 64
NAMES = tuple(f"digit {number}" for number in range(10))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "store")
    store.prepare()
    return store


def put_photographs(store: Store, names: tuple[str, ...]) -> str:
    """Store a user's prepared photographs; returns their hash."""
    images = np.random.default_rng(2).integers(0, 256, (500, *SHAPE), np.uint8)
    labels = np.zeros(500, np.int64)
    height, width, channels = SHAPE
    fields = {"dataset": "own", "height": height, "width": width, "channels": channels}
    recipe = {"step": "EvaluationPhotos", "fields": fields, "inputs": []}
    with store.lock(KEY), store.writing(KEY, "photographs", recipe) as folder:
        with ImagesWriter(folder, SHAPE, 500) as writer:
            for image in images:
                writer.append(image)
        save_labels(folder, labels.tolist(), names, None, {})
    return evaluation_sha256(images, labels)


def test_the_variant_of_the_latest_run_is_served(tmp_path: Path, store: Store) -> None:
    file = put_model(store, INT8, quantized=Quantized("int8", 1.0, -128))
    saved = save_run(run_of(store, {INT8: file}), tmp_path / "results")
    models = from_run("digits", INT8, tmp_path / "results", store)
    assert (models.canary, models.canary_problem) == (None, None)
    stable = models.stable
    assert (stable.name, stable.version, stable.file) == (INT8, saved.stem, file)
    assert (stable.history, stable.classes) == (saved, tuple("0123456789"))


@pytest.fixture
def own(tmp_path: Path, store: Store) -> Path:
    """The results of a run of a user's own model, scored on photographs that are stored."""
    file = put_model(store, FLOAT)
    run = run_of(store, {FLOAT: file}, profile="own")
    info = example_history.info(run, FLOAT)
    info |= {"dataset": "own", "eval_sha256": put_photographs(store, NAMES)}
    save_run(run, tmp_path / "results")
    return tmp_path / "results"


def test_an_own_models_classes_are_those_of_the_photographs_that_scored_it(
    own: Path, store: Store
) -> None:
    assert from_run("own", FLOAT, own, store).stable.classes == NAMES


def test_classes_without_their_photographs_are_not_made_up(own: Path, store: Store) -> None:
    store.remove(KEY)
    with pytest.raises(UsageProblem, match=r"not known: .*no longer in the store.*slimbench run"):
        from_run("own", FLOAT, own, store)


def test_each_refusal_says_what_to_do(tmp_path: Path, store: Store) -> None:
    results = tmp_path / "results"

    def refused(profile: str, variant: str | None) -> str:
        with pytest.raises(UsageProblem) as caught:
            from_run(profile, variant, results, store)
        return str(caught.value)

    assert "make bench PROFILE=digits" in refused("digits", FLOAT)
    file = put_model(store, FLOAT)
    save_run(run_of(store, {FLOAT: file}), results)
    assert f"make bench PROFILE=digits K={INT8}" in refused("digits", INT8)
    assert FLOAT in refused("digits", "resnet51")
    assert "VARIANT=: resnet50_f32, " in refused("digits", None)
    assert "make bench PROFILE=imagenet" in refused("imagenet", FLOAT)
    file.write_bytes(b"damaged")
    assert f"make bench PROFILE=digits K={FLOAT}" in refused("digits", FLOAT)


def test_classes_that_nobody_knows_are_not_made_up(tmp_path: Path, store: Store) -> None:
    file = put_model(store, FLOAT, classes=7)
    save_run(run_of(store, {FLOAT: file}), tmp_path / "results")
    with pytest.raises(UsageProblem, match=r"digits has 10 classes, the file 7.*make bench"):
        from_run("digits", FLOAT, tmp_path / "results", store)
