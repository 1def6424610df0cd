"""What TensorFlow makes of the steps, built once in a child of its own; read here without it."""

from __future__ import annotations

import json

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from bench import engines, tflite_file
from bench.build.scheduler import Failure
from bench.build.store import Store
from bench.spec import MODEL_FILE
from bench.steps import images
from bench.steps.distill import Distill, TeacherLogits
from bench.steps.export import Convert, Export
from bench.steps.export_function import ExportFunction
from bench.steps.prune import Prune
from bench.steps.quantize import Quantize
from bench.steps.train import Train
from bench.steps.trained import NOTES_FILE, WEIGHTS_FILE, Network
from bench.steps.training import Schedule
from tests.build import builder
from tests.build.recorder import key, made
from tests.steps.tensorflow_steps import (
    CLASSES,
    SHAPE,
    Colours,
    KerasAnswers,
    Losses,
    Shown,
    TrainedAgain,
    answers,
)

STUDENT = Network("student", SHAPE, CLASSES, width=0.34)
COLOURS = Colours(96)
FEW = Colours(24)
SCHEDULE = Schedule(epochs=4, batch=8, learning_rate=0.1)
VIEWS = Schedule(epochs=3, batch=8, learning_rate=0.1, views=2)

TRAINED = Train(COLOURS, STUDENT, SCHEDULE)
AGAIN = TrainedAgain(COLOURS, STUDENT, SCHEDULE)
EXPORTED = Export(TRAINED)
FLOAT = Convert(EXPORTED)
STATIC = Quantize(FLOAT, "static_wi8_ai8", COLOURS)
FILES = {
    "f32": FLOAT,
    "f16": Quantize(FLOAT, "f16"),
    "dynamic_wi8": Quantize(FLOAT, "dynamic_wi8"),
    "static_wi8_ai8": STATIC,
    "converter_dynamic_wi8": Convert(EXPORTED, dynamic_range=True),
}
FROM_FUNCTION = Convert(ExportFunction(TRAINED))
ANSWERS = KerasAnswers(TRAINED, COLOURS)

SPARSITY = 0.6
PRUNED = Prune(TRAINED, COLOURS, SPARSITY, Schedule(epochs=1, batch=8, learning_rate=0.01))
PRUNED_FLOAT = Convert(Export(PRUNED))
PRUNED_STATIC = Quantize(PRUNED_FLOAT, "static_wi8_ai8", COLOURS)
TOO_SHORT = Prune(TRAINED, FEW, SPARSITY, Schedule(epochs=1, batch=24, learning_rate=0.01))

LOSSES = {
    (temperature, alpha): Losses(temperature, alpha)
    for temperature, alpha in ((1.0, 0.0), (4.0, 0.0), (4.0, 0.3), (2.0, 1.0))
}
TEACHER = TeacherLogits(TRAINED, FEW, VIEWS)
DISTILLED = Distill(FEW, TEACHER, STUDENT, VIEWS, 1.0, 0.5)
SHOWN = Shown(FEW, TRAINED, STUDENT, VIEWS)

TARGETS = (
    *FILES.values(),
    FROM_FUNCTION,
    ANSWERS,
    AGAIN,
    PRUNED,
    PRUNED_FLOAT,
    PRUNED_STATIC,
    TOO_SHORT,
    *LOSSES.values(),
    TEACHER,
    DISTILLED,
    SHOWN,
    COLOURS,
    TRAINED,
)


@pytest.fixture(scope="module")
def other_process(tmp_path_factory):
    """The same training in another process and store, beside everything else."""
    store = Store(tmp_path_factory.mktemp("elsewhere"))
    store.prepare()
    process = builder.start(store, TRAINED)
    yield process, store
    process.kill()
    process.communicate()


@pytest.fixture(scope="module")
def built(tmp_path_factory, other_process):  # noqa: ARG001 - it starts first
    """The results of all steps above."""
    store = Store(tmp_path_factory.mktemp("store"))
    store.prepare()
    return made(store, *TARGETS)[0].results


@pytest.fixture(scope="module")
def elsewhere(built, other_process):  # noqa: ARG001 - both ran side by side
    """The folder of the training in the other process."""
    process, store = other_process
    process.communicate(timeout=300)
    artifact = store.find(key(TRAINED))
    assert artifact is not None
    return artifact.folder


@pytest.fixture(scope="module")
def folder(built):
    """Return the folder of a step that had to succeed."""

    def find(step):
        result = built[step]
        assert not isinstance(result, Failure), result.reason
        return result.folder

    return find


@pytest.fixture(scope="module")
def evaluation(folder):
    """Test images and labels."""
    pixels, labels, _ = images.evaluation_images(folder(COLOURS))
    return pixels, labels


def probabilities(model, pixels):
    """Return what a finished file answers, as the benchmark runs it."""
    session = engines.get("litert").load(model, 1)
    rows = []
    for image in pixels:
        session.feed(image)
        session.invoke()
        rows.append(session.scores())
    session.close()
    return np.stack(rows)


def test_the_same_training_gives_the_same_bytes_in_whatever_process_and_order(folder, elsewhere):
    here = (folder(TRAINED) / WEIGHTS_FILE).read_bytes()
    assert (folder(AGAIN) / "same" / WEIGHTS_FILE).read_bytes() == here
    assert (elsewhere / WEIGHTS_FILE).read_bytes() == here


def test_another_seed_gives_other_weights(folder):
    with (
        np.load(folder(TRAINED) / WEIGHTS_FILE) as one,
        np.load(folder(AGAIN) / "other" / WEIGHTS_FILE) as other,
    ):
        assert one.files == other.files
        kernels = [name for name in one.files if one[name].ndim == 4]
        assert kernels
        assert not any(np.array_equal(one[name], other[name]) for name in kernels)


def test_training_learns(folder, evaluation):
    pixels, labels = evaluation
    assert (np.load(folder(ANSWERS) / "answers.npy").argmax(axis=1) == labels).mean() >= 0.9
    assert (
        probabilities(folder(FLOAT) / MODEL_FILE, pixels).argmax(axis=1) == labels
    ).mean() >= 0.9


def test_the_float_file_answers_what_keras_answers(folder, evaluation):
    keras = np.load(folder(ANSWERS) / "answers.npy")
    file = probabilities(folder(FLOAT) / MODEL_FILE, evaluation[0])
    assert file.dtype == np.float32
    assert np.abs(file - keras).max() <= 1e-4
    assert (file.argmax(axis=1) == keras.argmax(axis=1)).all()
    assert file.sum(axis=1) == pytest.approx(1, abs=1e-5)


def test_a_saved_model_of_function_and_variables_gives_the_same_file(folder):
    whole, lean = folder(FLOAT) / MODEL_FILE, folder(FROM_FUNCTION) / MODEL_FILE
    assert lean.read_bytes() == whole.read_bytes()


@pytest.mark.parametrize("precision", FILES)
def test_every_precision_answers_nearly_what_keras_answers(folder, evaluation, precision):
    keras = np.load(folder(ANSWERS) / "answers.npy")
    file = probabilities(folder(FILES[precision]) / MODEL_FILE, evaluation[0])
    assert np.abs(file - keras).max() < (0.02 if precision == "f16" else 0.2)
    assert (file.argmax(axis=1) == keras.argmax(axis=1)).mean() >= 0.9


@pytest.mark.parametrize("precision", ["f32", "f16", "dynamic_wi8"])
def test_a_float_input_is_one_image_of_raw_pixels(folder, precision):
    model = Interpreter(model_path=str(folder(FILES[precision]) / MODEL_FILE))
    (image,) = model.get_input_details()
    (scores,) = model.get_output_details()
    assert image["shape"].tolist() == [1, *SHAPE]
    assert image["dtype"] is np.float32
    assert scores["shape"].tolist() == [1, CLASSES]
    assert scores["dtype"] is np.float32


def test_one_step_of_the_int8_input_is_one_step_of_a_pixel(folder):
    model = Interpreter(model_path=str(folder(STATIC) / MODEL_FILE))
    (image,) = model.get_input_details()
    assert image["dtype"] is np.int8
    assert image["shape"].tolist() == [1, *SHAPE]
    assert image["quantization"] == (1.0, -128)


@pytest.mark.parametrize("precision", FILES)
def test_swapped_channels_change_the_answer(folder, evaluation, precision):
    """Red and blue change places, so pixels fed in another order would not go unnoticed."""
    pixels, labels = evaluation
    swapped = np.ascontiguousarray(pixels[..., ::-1])
    file = probabilities(folder(FILES[precision]) / MODEL_FILE, swapped)
    assert (file.argmax(axis=1) == CLASSES - 1 - labels).mean() >= 0.9


def test_precisions_differ_in_size_as_they_should(folder):
    sizes = {name: (folder(step) / MODEL_FILE).stat().st_size for name, step in FILES.items()}
    kernels = sum(weight.size for weight in tflite_file.weights(folder(FLOAT) / MODEL_FILE))
    assert sizes["f32"] - sizes["f16"] > 1.5 * kernels
    assert sizes["f16"] > sizes["dynamic_wi8"]


def pruned_and_others(model, notes):
    """Return the counted weights of the pruned layers, by layer, and the others."""
    layers = json.loads(notes.read_text(encoding="utf-8"))["pruned_layers"]
    assert layers == ["stem", "logits"]
    pruned, others = {}, []
    for weight in tflite_file.weights(model):
        names = weight.layers.intersection(layers)
        if names:
            (name,) = names
            pruned[name] = weight
        else:
            others.append(weight)
    assert pruned.keys() == set(layers)
    return pruned, others


@pytest.mark.parametrize("step", [PRUNED_FLOAT, PRUNED_STATIC], ids=["float", "int8"])
def test_the_finished_file_of_a_pruned_network_has_the_zeros_asked_for(folder, step):
    model = folder(step) / MODEL_FILE
    pruned, _ = pruned_and_others(model, folder(step) / NOTES_FILE)
    for weight in pruned.values():
        assert weight.zeros / weight.size >= SPARSITY - 0.01
    if step is PRUNED_FLOAT:
        assert pruned["stem"].zeros / pruned["stem"].size == pytest.approx(SPARSITY, abs=0.01)


def test_what_was_not_to_be_pruned_has_no_zeros(folder):
    model = folder(PRUNED_FLOAT) / MODEL_FILE
    _, others = pruned_and_others(model, folder(PRUNED_FLOAT) / NOTES_FILE)
    assert {weight.operator for weight in others} == {"CONV_2D", "DEPTHWISE_CONV_2D"}
    assert sum(weight.zeros for weight in others) == 0


def test_a_training_too_short_to_prune_is_an_error(built):
    result = built[TOO_SHORT]
    assert isinstance(result, Failure)
    assert "instead of 60%: the masks were not updated often enough" in result.reason


def cross_entropy(logits, label):
    """Written as a textbook has it, one image at a time."""
    powers = [np.exp(float(each)) for each in logits]
    return -np.log(powers[label] / sum(powers))


def divergence(teacher, student, temperature):
    p = np.exp(teacher.astype(float) / temperature)
    q = np.exp(student.astype(float) / temperature)
    p, q = p / p.sum(), q / q.sum()
    return sum(p[each] * np.log(p[each] / q[each]) for each in range(len(p)))


@pytest.mark.parametrize(("temperature", "alpha"), LOSSES)
def test_the_distillations_loss_is_the_one_in_the_paper(folder, temperature, alpha):
    losses = np.load(folder(LOSSES[temperature, alpha]) / "losses.npy")
    expected = [
        alpha * cross_entropy(student, label)
        + (1 - alpha) * temperature**2 * divergence(teacher, student, temperature)
        for label, teacher, student in zip(*answers(), strict=True)
    ]
    assert losses.shape == (20,)
    assert losses == pytest.approx(expected, rel=1e-4, abs=1e-5)


@pytest.fixture(scope="module")
def shown(folder):
    """What teacher and students were given in one training each."""
    with np.load(folder(SHOWN) / "shown.npz") as arrays:
        return dict(arrays)


def pictures(batch):
    return sorted(image.astype(np.uint8).tobytes() for image in batch)


def test_teacher_and_student_see_the_same_views(shown):
    assert len(shown["asked"]) == VIEWS.views == 2
    assert len(shown["pixels"]) == VIEWS.epochs == 3
    assert pictures(shown["asked"][0]) != pictures(shown["asked"][1])
    for epoch, batch in enumerate(shown["pixels"]):
        assert pictures(batch) == pictures(shown["asked"][epoch % VIEWS.views])


def test_every_picture_comes_with_its_label_and_the_teachers_answer_to_it(shown, folder):
    assert shown["targets"].shape == (3, 24, 1 + CLASSES)
    assert shown["targets"][..., 1:] == pytest.approx(shown["answers"], abs=1e-4)
    brightest = shown["pixels"].sum(axis=(2, 3)).argmax(axis=-1)
    assert np.array_equal(shown["targets"][..., 0], brightest)
    logits = np.load(folder(TEACHER) / "logits.npy")
    assert logits.shape == (2, 24, CLASSES)
    assert logits.dtype == np.float32


def test_a_student_from_scratch_sees_the_same_in_the_same_order(shown):
    """So that the difference between the two is what the teacher's answers brought."""
    assert np.array_equal(shown["scratch_pixels"], shown["pixels"])
    assert np.array_equal(shown["scratch_targets"], shown["targets"][..., 0])
    assert np.array_equal(shown["scratch_first_weights"], shown["first_weights"])
    assert not np.array_equal(shown["pixels"][0], shown["pixels"][2])


def test_a_distilled_network_notes_how_soft_its_targets_were(folder):
    notes = json.loads((folder(DISTILLED) / NOTES_FILE).read_text(encoding="utf-8"))
    softness = notes["distillation"]
    assert softness["entropy_uniform"] == pytest.approx(np.log(CLASSES))
    assert 0 <= softness["entropy_soft"] < softness["entropy_uniform"]
