"""What TensorFlow makes of the steps, built once in a child of its own; read here without it."""

from __future__ import annotations

import json

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from slimbench import engines
from slimbench.build.scheduler import Failure
from slimbench.build.store import Store
from slimbench.networks.weights import NOTES_FILE, WEIGHTS_FILE
from slimbench.spec import MODEL_FILE
from slimbench.tflite.weights import read_weights
from tests.build import builder
from tests.build.recorder import key
from tests.steps.built_steps import AGAIN, KERAS_ANSWERS, LOSSES, SHOWN, VALIDATED
from tests.steps.small_chains import (
    COLOURS,
    FILES,
    FLOAT,
    LIVE,
    PRUNED_FLOAT,
    PRUNED_STATIC,
    SPARSITY,
    STATIC,
    TOO_SHORT,
    TRAINED,
    VIEWS,
)
from tests.steps.tensorflow_steps import CLASSES, SHAPE, answers, evaluation_split


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory):
    """The folder of the training in another process and store, beside nothing else."""
    store = Store(tmp_path_factory.mktemp("elsewhere"))
    store.prepare()
    process = builder.start(store, TRAINED)
    process.communicate(timeout=300)
    artifact = store.find(key(TRAINED))
    assert artifact is not None
    return artifact.folder


@pytest.fixture(scope="module")
def evaluation(folder):
    """Test images and labels."""
    return evaluation_split(folder(COLOURS))


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
    assert (np.load(folder(KERAS_ANSWERS) / "answers.npy").argmax(axis=1) == labels).mean() >= 0.9
    assert (
        probabilities(folder(FLOAT) / MODEL_FILE, pixels).argmax(axis=1) == labels
    ).mean() >= 0.9


def test_the_float_file_answers_what_keras_answers(folder, evaluation):
    keras = np.load(folder(KERAS_ANSWERS) / "answers.npy")
    file = probabilities(folder(FLOAT) / MODEL_FILE, evaluation[0])
    assert file.dtype == np.float32
    assert np.abs(file - keras).max() <= 1e-4
    assert (file.argmax(axis=1) == keras.argmax(axis=1)).all()
    assert file.sum(axis=1) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("precision", FILES)
def test_every_precision_answers_nearly_what_keras_answers(folder, evaluation, precision):
    keras = np.load(folder(KERAS_ANSWERS) / "answers.npy")
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
    kernels = sum(weight.size for weight in read_weights(folder(FLOAT) / MODEL_FILE))
    assert sizes["f32"] - sizes["f16"] > 1.5 * kernels
    assert sizes["f16"] > sizes["dynamic_wi8"]


def pruned_and_others(model, notes):
    """Return the counted weights of the pruned layers, by layer, and the others."""
    layers = json.loads(notes.read_text(encoding="utf-8"))["pruned_layers"]
    assert layers == ["stem", "logits"]
    pruned, others = {}, []
    for weight in read_weights(model):
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
    result = built.results[TOO_SHORT]
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


@pytest.mark.parametrize(("temperature", "alpha"), LOSSES)
def test_an_image_without_a_label_is_learned_from_the_teacher_alone(folder, temperature, alpha):
    losses = np.load(folder(LOSSES[temperature, alpha]) / "unlabelled.npy")
    expected = [
        temperature**2 * divergence(teacher, student, temperature)
        for _, teacher, student in zip(*answers(), strict=True)
    ]
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


def test_every_picture_comes_with_its_label_and_the_teachers_answer_to_it(shown):
    assert shown["targets"].shape == (3, 24, 1 + CLASSES)
    assert shown["targets"][..., 1:] == pytest.approx(shown["answers"], abs=1e-4)
    brightest = shown["pixels"].sum(axis=(2, 3)).argmax(axis=-1)
    assert np.array_equal(shown["targets"][..., 0], brightest)


def test_a_student_from_scratch_sees_the_same_in_the_same_order(shown):
    """So that the difference between the two is what the teacher's answers brought."""
    assert np.array_equal(shown["scratch_pixels"], shown["pixels"])
    assert np.array_equal(shown["scratch_targets"], shown["targets"][..., 0])
    assert np.array_equal(shown["scratch_first_weights"], shown["first_weights"])
    assert not np.array_equal(shown["pixels"][0], shown["pixels"][2])


def test_a_distilled_network_notes_how_soft_its_targets_were(folder):
    notes = json.loads((folder(LIVE) / NOTES_FILE).read_text(encoding="utf-8"))
    softness = notes["distillation"]
    assert softness["entropy_uniform"] == pytest.approx(np.log(CLASSES))
    assert 0 <= softness["entropy_soft"] < softness["entropy_uniform"]


def test_validation_scores_what_the_network_answers(folder):
    figures = json.loads((folder(VALIDATED) / "validation.json").read_text(encoding="utf-8"))
    assert figures["accuracy"] >= 0.9
    assert 0 < figures["cross_entropy"] < 1
