"""Quantisation-aware training of a small student, built once in a child; read here."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from slimbench import engines
from slimbench.networks.weights import NOTES_FILE, WEIGHTS_FILE
from slimbench.spec import MODEL_FILE
from slimbench.steps import export
from slimbench.steps.distill import TeacherAnswers
from slimbench.steps.quantize_aware import QuantizeAware
from slimbench.tflite.weights import read_weights
from tests.steps import small_chains as small
from tests.steps.built_steps import LAYERS, RANGES, ROUNDED, ROUNDED_ARRAYS
from tests.steps.tensorflow_steps import SHAPE, evaluation_split

FILES = small.AWARE_FILES

pytestmark = pytest.mark.slow


@pytest.fixture
def folder(slow_folder):
    """Where the results of slow tests are."""
    return slow_folder


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
    pixels, labels = evaluation_split(folder(small.COLOURS))
    found = answers(folder(FILES[name]) / MODEL_FILE, pixels)
    expected = np.load(folder(ROUNDED[name]) / "answers.npy")
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
    with np.load(folder(ROUNDED_ARRAYS) / WEIGHTS_FILE) as arrays:
        ranges = {name: arrays[name] for name in arrays.files if re.search("_(min|max):0$", name)}
    first = {name: array for name, array in ranges.items() if name.startswith("quantize_layer/")}
    assert sorted(float(array) for array in first.values()) == [0.0, 255.0]
    assert len(ranges) > 40
    assert not any((np.abs(array) == 6.0).any() for array in ranges.values())


def zeros(model, notes):
    layers = {*json.loads(notes.read_text(encoding="utf-8"))["pruned_layers"]}
    pruned = [each for each in read_weights(model) if each.layers & layers]
    assert len(pruned) == len(layers) == 10
    return sum(each.zeros for each in pruned) / sum(each.size for each in pruned)


def test_pruned_weights_stay_zero_where_they_are_to_and_only_there(folder):
    kept, careless = folder(FILES["pqat"]), folder(small.CARELESS_FILE)
    assert zeros(kept / MODEL_FILE, kept / NOTES_FILE) >= small.HALF - 0.01
    assert zeros(careless / MODEL_FILE, careless / NOTES_FILE) < small.HALF - 0.02


def test_a_file_that_is_float_in_part_or_scaled_otherwise_is_refused(folder):
    export.check_int8(folder(FILES["qat"]) / MODEL_FILE)
    with pytest.raises(ValueError, match="left in floating point: serving_default_pixels"):
        export.check_int8(folder(small.ALONE_FLOAT) / MODEL_FILE)


def test_a_file_that_lost_zeros_is_refused(folder):
    careless = folder(small.CARELESS_FILE)
    layers = json.loads((careless / NOTES_FILE).read_text("utf-8"))["pruned_layers"]
    export.check_zeros(careless / MODEL_FILE, layers, 100)
    with pytest.raises(ValueError, match=r"zeros in its pruned layers, not 9999"):
        export.check_zeros(careless / MODEL_FILE, layers, 9999)


def test_a_network_must_be_shown_what_its_teacher_answered():
    other = TeacherAnswers(small.ALONE_FLOAT, small.COLOURS, 5)
    with pytest.raises(ValueError, match="as many views"):
        QuantizeAware(small.ALONE, small.COLOURS, small.AWARE, other)
