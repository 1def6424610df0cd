"""What the steps for a user's own files make, without TensorFlow."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from slimbench import engines
from slimbench.build.scheduler import Failure
from slimbench.build.store import Artifact, Store
from slimbench.pixels import MODES
from slimbench.spec import MODEL_FILE, PixelMode, Recipe, Step
from slimbench.steps import prune
from slimbench.steps.calibration_photos import CalibrationPhotos
from slimbench.steps.images import training_images
from slimbench.steps.own_file import OwnFile, content_of
from slimbench.steps.photos import TrainingPhotos, of_photos
from slimbench.steps.quantize import Quantize
from slimbench.tflite.edit import with_signature
from slimbench.user_models.request import RECIPES
from slimbench.user_models.variants import open_user_photos
from tests.build.recorder import made
from tests.engines.edited_models import values_behind
from tests.tiny_models import SHAPE, identity_model, linear_model
from tests.user_models.colours import COLOURS, colour_model, pictures


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "store")
    store.prepare()
    return store


def artifact(store: Store, step: Step) -> Artifact:
    result = made(store, step)[0].results[step]
    assert isinstance(result, Artifact), result
    return result


def own_file(path: Path) -> OwnFile:
    return OwnFile(content_of(path), "mine", path)


def test_a_file_is_kept_byte_for_byte_under_any_name(tmp_path: Path, store: Store) -> None:
    path = colour_model(tmp_path / "m.tflite")
    kept = artifact(store, own_file(path))
    assert kept.file(MODEL_FILE).read_bytes() == path.read_bytes()
    assert artifact(store, OwnFile(content_of(path), "yours", path)).key == kept.key


def test_a_file_that_changed_meanwhile_is_not_taken(tmp_path: Path, store: Store) -> None:
    path = colour_model(tmp_path / "m.tflite")
    step = own_file(path)
    path.write_bytes(path.read_bytes() + b"\0")
    result = made(store, step)[0].results[step]
    assert isinstance(result, Failure)
    assert f"{path} changed since this run began" in result.reason


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("mode", MODES)
def test_a_quantised_file_answers_as_the_float_one_does(
    tmp_path: Path, store: Store, mode: PixelMode, channels: int
) -> None:
    if mode in ("caffe", "torch") and channels == 1:
        return
    shape = (*SHAPE[:2], channels)
    weights = np.random.default_rng(0).normal(size=(5, int(np.prod(shape)))) / 50
    source = own_file(linear_model(tmp_path / "m.tflite", weights, shape=shape))
    quantised = artifact(
        store, Quantize(source, "static_wi8_ai8", CalibrationPhotos(*SHAPE[:2]), pixels=mode)
    )
    path = quantised.file(MODEL_FILE)
    (fed,) = Interpreter(model_path=str(path)).get_input_details()
    assert fed["dtype"] is np.int8
    float_session = engines.get("litert").load(tmp_path / "m.tflite", 1, mode)
    session = engines.get("litert").load(path, 1, mode)
    photographs = artifact(store, CalibrationPhotos(*SHAPE[:2]))  # of others it knows no range
    images, _ = training_images(photographs.folder)
    expected, found = [], []
    for image in images:
        for each, rows in ((float_session, expected), (session, found)):
            each.feed(image)
            each.invoke()
            rows.append(each.scores().copy())
    spread = np.ptp(np.stack(expected))
    np.testing.assert_allclose(np.stack(found), np.stack(expected), atol=0.05 * spread)


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_file_with_its_values_behind_the_flatbuffer_is_quantised_alike(
    tmp_path: Path, store: Store, recipe: Recipe
) -> None:
    weights = np.random.default_rng(0).normal(size=(40, int(np.prod(SHAPE)))) / 50
    inside = linear_model(tmp_path / "inside.tflite", weights)
    behind = values_behind(linear_model(tmp_path / "behind.tflite", weights))
    images = CalibrationPhotos(*SHAPE[:2]) if recipe == "static_wi8_ai8" else None
    expected, found = (
        artifact(store, Quantize(own_file(path), recipe, images)).file(MODEL_FILE).read_bytes()
        for path in (inside, behind)
    )
    assert found == expected


@pytest.mark.parametrize("mode", ["0..1", "-1..1"])
def test_each_pixel_value_keeps_an_integer_of_its_own(
    tmp_path: Path, store: Store, mode: PixelMode
) -> None:
    source = own_file(colour_model(tmp_path / "m.tflite"))
    path = artifact(
        store, Quantize(source, "static_wi8_ai8", CalibrationPhotos(4, 4), pixels=mode)
    ).file(MODEL_FILE)
    (fed,) = Interpreter(model_path=str(path)).get_input_details()
    width = {"0..1": 1.0, "-1..1": 2.0}[mode]
    assert fed["quantization_parameters"]["scales"][0] == pytest.approx(width / 255, rel=1e-3)


def test_a_signature_is_added_and_the_model_stays(tmp_path: Path) -> None:
    path = colour_model(tmp_path / "m.tflite")
    signed = tmp_path / "signed.tflite"
    signed.write_bytes(with_signature(path.read_bytes()))
    signatures = Interpreter(model_path=str(signed)).get_signature_list()
    assert signatures == {"serving_default": {"inputs": ["pixels"], "outputs": ["scores"]}}
    with pytest.raises(ValueError, match="2 tensors where its pixels should be one"):
        with_signature(
            identity_model(tmp_path / "two.tflite", (1, 2, 2, 3), (1, 2, 2, 3)).read_bytes()
        )


def test_training_images_are_never_test_images(tmp_path: Path, store: Store) -> None:
    pictures(tmp_path / "data" / "test", 4)
    pictures(tmp_path / "data" / "train", 6, first=2)  # two of each colour are in both
    photos = open_user_photos(tmp_path / "data", 100, store)
    assert photos.train == tmp_path / "data" / "train"
    evaluation = of_photos(photos.test, "data", SHAPE, classes=3)
    chosen = photos.training(100)
    step = TrainingPhotos(evaluation, "data", *SHAPE, chosen.content, 3, (), 100, chosen.root)
    images, labels = training_images(artifact(store, step).folder)
    assert np.bincount(labels).tolist() == [4, 4, 4]
    brightest = images.reshape(len(images), -1, 3).mean(axis=1).argmax(axis=1)
    assert [COLOURS[label] for label in labels] == [
        ("red", "green", "blue")[channel] for channel in brightest
    ]


def test_only_a_train_folder_inside_of_what_was_named_counts(tmp_path: Path, store: Store) -> None:
    pictures(tmp_path / "data" / "test", 1)
    pictures(tmp_path / "data" / "train", 1)
    assert open_user_photos(tmp_path / "data" / "test", 100, store).train is None
    pictures(tmp_path / "flat", 1)
    assert open_user_photos(tmp_path / "flat", 100, store).train is None


@given(
    arrays.arrays(
        np.float32,
        arrays.array_shapes(min_dims=2, max_dims=4, max_side=5),
        elements=st.floats(-2, 2, width=32),
    ),
    st.integers(1, 99),
)
def test_a_mask_takes_exactly_the_share_of_the_smallest(kernel: np.ndarray, percent: int) -> None:
    kept = prune.kept(kernel, percent / 100, block=1)
    assert kept.shape == kernel.shape
    assert int((kept == 0).sum()) == round(percent / 100 * kernel.size)
    if 0 < (kept == 0).sum() < kernel.size:
        assert np.abs(kernel[kept == 0]).max() <= np.abs(kernel[kept == 1]).min()
