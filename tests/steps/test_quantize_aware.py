"""Quantisation-aware training of a small student, built once in a child; read here."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from bench import engines, tflite_file
from bench.build.store import Store
from bench.spec import MODEL_FILE
from bench.steps import convert_aware, images
from bench.steps.convert_aware import ConvertAware
from bench.steps.export import Convert, Export
from bench.steps.long_training import LongSchedule
from bench.steps.prune import Prune
from bench.steps.quantize import Quantize
from bench.steps.quantize_aware import QuantizeAware
from bench.steps.teacher_answers import TeacherAnswers
from bench.steps.train_student import TrainStudent
from bench.steps.trained import NOTES_FILE, WEIGHTS_FILE, Network
from bench.steps.training import Schedule
from tests.build.recorder import made
from tests.steps.aware_steps import AwareAnswers, InterruptedAware, StartingRanges
from tests.steps.tensorflow_steps import CLASSES, SHAPE, Colours

COLOURS = Colours(120)
STUDENT = Network("resnet8", SHAPE, CLASSES, width=0.25)
SPARSITY = 0.6

ALONE = TrainStudent(COLOURS, STUDENT, LongSchedule(6, 12, 0.05, views=2))
FLOAT = Convert(Export(ALONE))
AFTER = Quantize(FLOAT, "static_wi8_ai8", COLOURS)
PRUNED = Prune(ALONE, COLOURS, SPARSITY, Schedule(epochs=3, batch=12, learning_rate=0.01))
ANSWERS = TeacherAnswers(FLOAT, COLOURS, 2)

AWARE = LongSchedule(epochs=2, batch=12, learning_rate=0.005, views=2)
QAT = QuantizeAware(ALONE, COLOURS, AWARE)
TAUGHT = QuantizeAware(ALONE, COLOURS, AWARE, ANSWERS)
PQAT = QuantizeAware(PRUNED, COLOURS, AWARE, keep_zeros=True)
CARELESS = QuantizeAware(PRUNED, COLOURS, AWARE)
KILLED = InterruptedAware(PRUNED, COLOURS, AWARE)

FILES = {"qat": ConvertAware(QAT), "taught": ConvertAware(TAUGHT), "pqat": ConvertAware(PQAT)}
CARELESS_FILE = ConvertAware(CARELESS)
INSIDE = {name: AwareAnswers(file.source, COLOURS) for name, file in FILES.items()}
LAYERS = ("stem_relu", "block_2_second_bn", "block_3_relu", "average", "logits")
RANGES = StartingRanges(ALONE, COLOURS, LAYERS)
TARGETS = (*FILES.values(), *INSIDE.values(), CARELESS_FILE, RANGES, KILLED, AFTER)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return what finds a step's folder; everything is built first."""
    store = Store(tmp_path_factory.mktemp("store"))
    store.prepare()
    outcome, _ = made(store, *TARGETS, COLOURS, FLOAT, PQAT, PRUNED)
    return lambda step: outcome.results[step].folder


def answers(model, pixels):
    session = engines.get("litert").load(model, 1)
    rows = []
    for image in pixels:
        session.feed(image)
        session.invoke()
        rows.append(session.scores())
    return np.stack(rows)


@pytest.mark.parametrize("name", FILES)
def test_the_file_is_int8_throughout_and_one_step_of_it_is_one_of_a_pixel(folder, name):
    model = Interpreter(model_path=str(folder(FILES[name]) / MODEL_FILE))
    (pixels,), (scores,) = model.get_input_details(), model.get_output_details()
    assert (pixels["dtype"], pixels["quantization"]) == (np.int8, (1.0, -128))
    assert pixels["shape"].tolist() == [1, *SHAPE]
    assert (scores["dtype"], scores["quantization"]) == (np.int8, (1 / 256, -128))
    kinds = {each["dtype"] for each in model.get_tensor_details()}
    assert kinds == {np.int8, np.int32}
    assert [*model.get_signature_list()] == ["serving_default"]


@pytest.mark.parametrize("name", FILES)
def test_the_file_answers_what_the_training_rounded_to(folder, name):
    pixels, labels, _ = images.evaluation_images(folder(COLOURS))
    found = answers(folder(FILES[name]) / MODEL_FILE, pixels)
    expected = np.load(folder(INSIDE[name]) / "answers.npy")
    assert np.abs(found - expected).max() < 0.1
    assert np.abs(found - expected).mean() < 0.02
    assert (found.argmax(axis=1) == labels).mean() >= 0.9


def test_ranges_begin_with_what_the_float_network_makes_of_the_images(folder):
    ranges = json.loads((folder(RANGES) / "ranges.json").read_text("utf-8"))
    assert ranges.keys() == set(LAYERS)
    for each in ranges.values():
        least, most = each["set"]
        reach = each["most"] - min(each["least"], 0)
        assert each["least"] - 0.01 <= least + 0.01
        assert most <= each["most"] + 0.01
        assert most - least > 0.6 * reach
    assert ranges["stem_relu"]["set"][0] == 0


def test_training_moves_weights_and_all_ranges(folder):
    with np.load(folder(INSIDE["qat"]) / WEIGHTS_FILE) as arrays:
        ranges = {name: arrays[name] for name in arrays.files if re.search("_(min|max):0$", name)}
    first = {name: array for name, array in ranges.items() if name.startswith("quantize_layer/")}
    assert sorted(float(array) for array in first.values()) == [0.0, 255.0]
    assert len(ranges) > 40
    assert not any((np.abs(array) == 6.0).any() for array in ranges.values())


def zeros(model, notes):
    layers = {*json.loads(notes.read_text(encoding="utf-8"))["pruned_layers"]}
    pruned = [each for each in tflite_file.weights(model) if each.layers & layers]
    assert len(pruned) == len(layers) == 10
    return sum(each.zeros for each in pruned) / sum(each.size for each in pruned)


def test_pruned_weights_stay_zero_where_they_are_to_and_only_there(folder):
    kept, careless = folder(FILES["pqat"]), folder(CARELESS_FILE)
    assert zeros(kept / MODEL_FILE, kept / NOTES_FILE) >= SPARSITY - 0.01
    assert zeros(careless / MODEL_FILE, careless / NOTES_FILE) < SPARSITY - 0.02


def test_a_killed_training_goes_on_and_ends_with_the_same_weights(folder):
    killed = folder(KILLED)
    assert (killed / "kept").read_text() == "True"
    assert (killed / "told").read_text().splitlines()[0].startswith("epoch 2 of 2")
    with (
        np.load(killed / WEIGHTS_FILE) as one,
        np.load(folder(PQAT) / WEIGHTS_FILE) as other,
    ):
        assert one.files == other.files
        assert all((one[name] == other[name]).all() for name in one.files)


def test_a_file_that_is_float_in_part_or_scaled_otherwise_is_refused(folder):
    convert_aware._check_int8(folder(FILES["qat"]) / MODEL_FILE)
    with pytest.raises(ValueError, match="left in floating point: serving_default_pixels"):
        convert_aware._check_int8(folder(FLOAT) / MODEL_FILE)


def test_a_file_that_lost_zeros_is_refused(folder):
    careless = folder(CARELESS_FILE)
    layers = json.loads((careless / NOTES_FILE).read_text("utf-8"))["pruned_layers"]
    convert_aware._check_zeros(careless / MODEL_FILE, layers, 100)
    with pytest.raises(ValueError, match=r"zeros in its pruned layers, not 9999"):
        convert_aware._check_zeros(careless / MODEL_FILE, layers, 9999)


def test_a_network_must_be_shown_what_its_teacher_answered():
    with pytest.raises(ValueError, match="as many views"):
        QuantizeAware(ALONE, COLOURS, AWARE, TeacherAnswers(FLOAT, COLOURS, 5))
