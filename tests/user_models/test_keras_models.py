"""What becomes of models that Keras 2 and Keras 3 saved; TensorFlow runs in children alone."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from slimbench import engines
from slimbench.build.scheduler import Failure, Outcome
from slimbench.build.store import Artifact, Store
from slimbench.paths import CODE
from slimbench.spec import MODEL_FILE
from slimbench.steps.own_convert import OwnConvert
from slimbench.steps.own_file import Source
from slimbench.steps.own_prune import OwnPrune
from slimbench.steps.quantize import Quantize
from slimbench.tflite.weights import Weight, read_weights
from slimbench.user_models.model_file import ModelFile, inspect
from slimbench.user_models.request import find_sources
from tests.build.recorder import made
from tests.steps.tensorflow_steps import Colours
from tests.user_models.make_keras_models import SHAPE, WHOLE

COLOURS = Colours(96)
PRUNABLE = ("keras2.h5", "keras2_saved", "keras3.keras")
TRAINED = ("keras2.h5", "keras3.keras")
"""Fine-tuned in every run of the tests: one of each Keras."""
UNFIT = ("open.keras", "two.keras", "only.weights.h5", "broken.keras", "broken.h5")


@dataclass(frozen=True)
class Built:
    folder: Path
    outcome: Outcome

    def file(self, step: OwnConvert | Quantize) -> Path:
        result = self.outcome.results[step]
        assert isinstance(result, Artifact), result
        return result.file(MODEL_FILE)

    def problem(self, step: OwnConvert) -> str:
        result = self.outcome.results[step]
        assert isinstance(result, Failure)
        return result.reason

    def source(self, file: str) -> Source:
        (source,) = find_sources([f"mine={self.folder / file}"])
        return source

    def converted(self, file: str) -> OwnConvert:
        source = self.source(file)
        return OwnConvert(source.content, source.form, source.name, source.path)

    def pruned(self, file: str, *, trained: bool = False) -> OwnConvert:
        source = self.source(file)
        prune = OwnPrune(
            source.content,
            source.form,
            0.5,
            source.name,
            source.path,
            COLOURS if trained else None,
        )
        return OwnConvert(source.content, source.form, source.name, source.path, prune)

    def quantized(self, file: str) -> Quantize:
        return Quantize(self.pruned(file), "static_wi8_ai8", COLOURS)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Everything below, built by one child with TensorFlow and one with the quantiser."""
    folder = tmp_path_factory.mktemp("keras")
    done = subprocess.run(
        [sys.executable, "-m", "tests.user_models.make_keras_models", str(folder)],
        cwd=CODE,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for whole, cut in (("keras3.keras", "broken.keras"), ("keras2.h5", "broken.h5")):
        content = (folder / whole).read_bytes()
        (folder / cut).write_bytes(content[: len(content) // 2])
    store = Store(folder / "store")
    store.prepare()
    plan = Built(folder, Outcome({}, {}))
    outcome, _ = made(
        store,
        *(plan.converted(file) for file in (*WHOLE, *UNFIT)),
        *(plan.pruned(file) for file in PRUNABLE),
        *(plan.pruned(file, trained=True) for file in TRAINED),
        *(plan.quantized(file) for file in PRUNABLE),
    )
    return Built(folder, outcome)


def scores(path: Path, images: np.ndarray) -> np.ndarray:
    session = engines.get("litert").load(path, 1)
    rows = []
    for image in images:
        session.feed(image)
        session.invoke()
        rows.append(session.scores().copy())
    return np.stack(rows)


def prunable(path: Path) -> list[Weight]:
    return [weight for weight in read_weights(path) if weight.size > 8]


@pytest.mark.parametrize("file", WHOLE)
def test_a_model_answers_as_it_does_in_keras(built: Built, file: str) -> None:
    path = built.file(built.converted(file))
    with np.load(built.folder / "answers.npz") as answers:
        expected = answers[file[:6]]
        np.testing.assert_allclose(scores(path, answers["images"]), expected, atol=1e-4)
    assert inspect(path) == ModelFile(*SHAPE, 3, None)
    assert {weight.operator for weight in read_weights(path)} == {"CONV_2D", "FULLY_CONNECTED"}


@pytest.mark.parametrize("file", PRUNABLE)
def test_half_of_the_weights_of_each_layer_are_zero(built: Built, file: str) -> None:
    check_pruned(built, file, trained=False)


@pytest.mark.parametrize("file", TRAINED)
def test_fine_tuning_keeps_the_zeros(built: Built, file: str) -> None:
    check_pruned(built, file, trained=True)


@pytest.mark.slow
def test_fine_tuning_keeps_the_zeros_of_a_saved_model(built: Built) -> None:
    step = built.pruned("keras2_saved", trained=True)
    outcome, _ = made(Store(built.folder / "store"), step)
    check_pruned(Built(built.folder, outcome), "keras2_saved", trained=True)


def check_pruned(built: Built, file: str, *, trained: bool) -> None:
    """Half of the weights of each layer are zero, and the notes say how that was reached."""
    path = built.file(built.pruned(file, trained=trained))
    counted = read_weights(path)
    assert len(counted) == 3
    for weight in counted:
        assert weight.zeros == round(weight.size / 2), weight.name
    notes = json.loads((path.parent / "notes.json").read_text())
    assert notes["fine_tuned"] is trained
    for weight in counted:
        assert weight.layers & set(notes["pruned_layers"])


@pytest.mark.parametrize("file", TRAINED)
def test_fine_tuning_changes_what_is_left(built: Built, file: str) -> None:
    with np.load(built.folder / "answers.npz") as answers:
        images = answers["images"]
    once = scores(built.file(built.pruned(file)), images)
    trained = scores(built.file(built.pruned(file, trained=True)), images)
    assert np.abs(once - trained).max() > 1e-3


@pytest.mark.parametrize("file", PRUNABLE)
def test_a_pruned_model_is_quantised(built: Built, file: str) -> None:
    path = built.file(built.quantized(file))
    found = inspect(path)
    assert not found.is_float
    for weight in read_weights(path):
        assert weight.zeros >= round(weight.size / 2)


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("open.keras", "(?, ?, ?, 3), where (batch, height, width, channels) with fixed"),
        ("two.keras", "it has 2 inputs, where an image classifier has one"),
        ("only.weights.h5", "holds weights without their network; save the whole model"),
        ("broken.keras", "broken.keras is no whole .keras file"),
        ("broken.h5", "broken.h5 is no whole HDF5 file"),
    ],
)
def test_what_cannot_be_converted_says_why(built: Built, file: str, said: str) -> None:
    assert said in built.problem(built.converted(file))


def test_a_model_that_changed_meanwhile_is_not_taken(built: Built, tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    store.prepare()
    source = built.source("keras2.h5")
    step = OwnConvert("0" * 64, source.form, source.name, source.path)
    outcome, _ = made(store, step)
    result = outcome.results[step]
    assert isinstance(result, Failure)
    assert "keras2.h5 changed since this run began. Run it again." in result.reason
