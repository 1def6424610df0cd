"""What is settled about a run before it is measured: variants, their chains and their data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from slimbench.build.store import Artifact, Store
from slimbench.datasets.evaluation import load_evaluation
from slimbench.datasets.photos.labelling import imagenet_classes
from slimbench.errors import UsageProblem
from slimbench.spec import Choices
from slimbench.steps.calibration_photos import CalibrationPhotos
from slimbench.steps.images import training_images
from slimbench.steps.photos import EvaluationPhotos, TrainingPhotos
from slimbench.steps.quantize import Quantize
from slimbench.tflite.metadata import Metadata, write_metadata
from slimbench.user_models.prepare import dataset_name, prepare
from slimbench.user_models.request import Request, UserRun
from tests.build.recorder import Recorder, key, made
from tests.tiny_models import Quantized, first_pixels, linear_model
from tests.user_models.colours import colour_model, pictures


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "store")
    store.prepare()
    return store


def prepared(
    store: Store, *models: str, data: Path | None = None, limit: int = 100, **more: object
) -> UserRun:
    request = Request(models, **more)  # type: ignore[arg-type]
    return prepare(
        request,
        Choices(data=data, limit=limit),
        None,
        store,
        watcher=Recorder(),
        taken=("digits",),
    )


def evaluation(run: UserRun, name: str) -> EvaluationPhotos:
    step = run.variants[name].evaluation
    assert isinstance(step, EvaluationPhotos)
    return step


def test_the_first_model_is_what_others_are_compared_with(tmp_path: Path, store: Store) -> None:
    path = colour_model(tmp_path / "m.tflite")
    run = prepared(store, f"b={path}", f"a={path}", steps=("quantize(f16)", "quantize(f16)"))
    assert run.profile.reference == "b"
    assert run.profile.variants == ("b", "b_f16", "a", "a_f16")
    assert run.variants["b"].evaluation is None
    assert (run.profile.name, run.profile.dataset) == ("own", "none")


def test_two_variants_of_one_name_are_refused(tmp_path: Path, store: Store) -> None:
    path = colour_model(tmp_path / "m.tflite")
    with pytest.raises(UsageProblem, match="Two variants are called a_f16: give the models other"):
        prepared(store, f"a={path}", f"a_f16={path}", steps=("quantize(f16)",))


def test_models_of_other_sizes_get_images_of_theirs(tmp_path: Path, store: Store) -> None:
    data = pictures(tmp_path / "data", 2)
    large = linear_model(tmp_path / "l.tflite", first_pixels(3, (8, 6, 1)), shape=(8, 6, 1))
    run = prepared(store, f"s={colour_model(tmp_path / 's.tflite')}", f"l={large}", data=data)
    sizes = [
        (step.height, step.width, step.channels)
        for step in (evaluation(run, "s"), evaluation(run, "l"))
    ]
    assert sizes == [(4, 4, 3), (8, 6, 1)]


def test_a_background_class_comes_before_imagenets(tmp_path: Path, store: Store) -> None:
    wnids = [*imagenet_classes()]
    data = pictures(tmp_path / "data", 1)
    for index, colour in enumerate(("red", "green", "blue")):
        (data / colour).rename(data / wnids[index * 400])
    model = linear_model(tmp_path / "m.tflite", np.zeros((1001, 48)))
    step = evaluation(prepared(store, f"m={model}", data=data), "m")
    result = made(store, step)[0].results[step]
    assert isinstance(result, Artifact)
    found = load_evaluation(result.folder)
    assert (len(found.classes), found.classes[0]) == (1001, "background")
    assert found.labels.tolist() == [1, 401, 801]


def test_metadata_says_pixels_and_labels_and_options_go_before(
    tmp_path: Path, store: Store
) -> None:
    bare = colour_model(tmp_path / "bare.tflite", ("red", "green", "blue"))
    path = tmp_path / "m.tflite"
    write_metadata(bare, path, Metadata(labels=("red", "green", "blue"), mean=(0.0,), std=(255.0,)))
    data = pictures(tmp_path / "data", 1)
    run = prepared(store, f"m={path}", data=data, steps=("quantize(static_wi8_ai8)",))
    assert {variant.pixels for variant in run.variants.values()} == {"0..1"}
    assert evaluation(run, "m").labels == ("red", "green", "blue")
    assert "pixels 0..1 (its metadata), labels from its metadata" in run.remarks[0]
    run = prepared(store, f"m={path}", data=data, pixels="-1..1")
    assert run.variants["m"].pixels == "-1..1"


def test_calibration_is_from_the_train_split_or_the_data_and_without_data_from_photographs(
    tmp_path: Path, store: Store
) -> None:
    path = colour_model(tmp_path / "m.tflite")
    pictures(tmp_path / "data" / "test", 2)
    pictures(tmp_path / "data" / "train", 2, first=10)
    steps = ("quantize(static_wi8_ai8)",)
    for data, kind in (
        (tmp_path / "data", TrainingPhotos),
        (tmp_path / "data" / "test", TrainingPhotos),
        (None, CalibrationPhotos),
    ):
        run = prepared(store, f"m={path}", data=data, steps=steps)
        chain = run.variants["m_static_wi8_ai8"].chain
        assert isinstance(chain, Quantize)
        assert isinstance(chain.images, kind)


def test_images_to_calibrate_on_are_set_aside_from_those_that_are_scored(
    tmp_path: Path, store: Store
) -> None:
    model = f"m={colour_model(tmp_path / 'm.tflite')}"
    data = pictures(tmp_path / "data", 10)
    run = prepared(store, model, data=data, steps=("quantize(static_wi8_ai8)",))
    scored, calibrated = evaluation(run, "m"), run.variants["m_static_wi8_ai8"].chain
    assert evaluation(run, "m_static_wi8_ai8") == scored
    assert isinstance(calibrated, Quantize)
    assert calibrated.images is not None
    results = made(store, scored, calibrated.images)[0].results
    for step in (scored, calibrated.images):
        assert isinstance(results[step], Artifact), results[step]
    tested = load_evaluation(results[scored].folder)  # type: ignore[union-attr]
    pixels, labels = training_images(results[calibrated.images].folder)  # type: ignore[union-attr]
    assert np.bincount(tested.labels).tolist() == [9, 9, 9]
    assert np.bincount(labels).tolist() == [1, 1, 1]
    assert {image.tobytes() for image in pixels}.isdisjoint(i.tobytes() for i in tested.images)
    assert any(note.startswith("3 of 30 images") for note in scored.notes)
    (without,) = {prepared(store, model, data=data).variants["m"].evaluation}
    assert isinstance(without, EvaluationPhotos)
    assert without.images == 30


def test_without_an_image_to_spare_it_is_said_what_static_int8_was_calibrated_on(
    tmp_path: Path, store: Store
) -> None:
    model = f"m={colour_model(tmp_path / 'm.tflite')}"
    data = pictures(tmp_path / "data", 1)
    for where, why in ((None, "there is no data"), (data, "no class has an image to set aside")):
        run = prepared(store, model, data=where, steps=("quantize(static_wi8_ai8)",))
        (remark,) = (said for said in run.remarks if "scikit-learn's" in said)
        assert why in remark


def test_steps_that_a_file_does_not_allow_are_refused(tmp_path: Path, store: Store) -> None:
    path = colour_model(tmp_path / "m.tflite")
    whole = colour_model(tmp_path / "i.tflite", quantized=Quantized("int8", 1.0, 0))
    with pytest.raises(UsageProblem, match=r"m.tflite is a .tflite file, whose layers can no long"):
        prepared(store, f"m={path}", steps=("prune(0.5)",))
    with pytest.raises(UsageProblem, match=r"i.tflite is quantised already"):
        prepared(store, f"i={whole}", steps=("quantize(f16)",))


@pytest.mark.parametrize("name", ["digits", "a b", "-own"])
def test_a_profile_needs_a_name_of_its_own(tmp_path: Path, store: Store, name: str) -> None:
    path = colour_model(tmp_path / "m.tflite")
    with pytest.raises(UsageProblem, match=f"'{name}' cannot be the profile of a run with --model"):
        prepared(store, f"m={path}", profile=name)


def test_data_of_other_classes_names_both(tmp_path: Path, store: Store) -> None:
    model = linear_model(tmp_path / "m.tflite", first_pixels(5))
    data = pictures(tmp_path / "data", 1)
    with pytest.raises(UsageProblem, match=r"data does not fit .*m.tflite: The data has 3 classes"):
        prepared(store, f"m={model}", data=data)


def test_bad_images_are_refused_before_anything_is_measured(tmp_path: Path, store: Store) -> None:
    model = f"m={colour_model(tmp_path / 'm.tflite')}"
    data = pictures(tmp_path / "data", 2)
    broken = data / "red" / "0.png"
    broken.write_bytes(broken.read_bytes()[:40])
    with pytest.raises(
        UsageProblem, match=r"data cannot be scored on: 1 of 6 images is bad.*red/0\.png.*allow-bad"
    ):
        prepared(store, model, data=data)
    choices = Choices(data=data, allow_bad=True)
    run = prepare(Request((model,)), choices, None, store, watcher=Recorder())
    assert store.find(key(evaluation(run, "m"), run.profile.seed)) is not None


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("photos", "photos"),
        ("my photos!", "my_photos"),
        ("photos.tar.gz", "photos"),
        ("photos.zip", "photos"),
        ("cifar/test", "cifar"),
        ("___", "data"),
    ],
)
def test_a_history_names_the_data_by_its_folder(tmp_path: Path, path: str, name: str) -> None:
    assert dataset_name(tmp_path / path) == name
