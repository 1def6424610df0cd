from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from slimbench.metrics.weights import Weights
from slimbench.spec import Unmeasured
from tests.metrics.subjects import HandmadeSubject, read
from tests.tflite.tflite_builder import Graph, quantization, write


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Two layers: 8 weights of which 4 are zero, 2 biases; 12 weights of which 2 are zero."""
    graph = Graph()
    kernel = np.array([[0, 0, 0, 0], [1, 2, 3, 4]], np.int8)
    bias = graph.constant("model/first/Bias", np.zeros(2, np.float32))
    graph.layer("FULLY_CONNECTED", graph.constant("model/first/MatMul", kernel, scale()), bias)
    kernel = np.array([[0, 1, 2, 3], [0, 1, 2, 3], [1, 1, 1, 1]], np.int8)
    graph.layer("FULLY_CONNECTED", graph.constant("model/second/MatMul", kernel, scale()))
    return write(tmp_path / "model.tflite", graph)


def scale() -> Any:
    return quantization([0.1])


def note(model: Path, notes: object) -> None:
    (model.parent / "notes.json").write_text(json.dumps(notes), encoding="utf-8")


def test_counts_weights_biases_and_zeros(model):
    reading = read(Weights(), HandmadeSubject(model=model))
    assert reading["parameters"] == 8 + 2 + 12
    assert reading["sparsity"] == pytest.approx((4 + 2) / (8 + 12))


@pytest.mark.parametrize("notes", [None, {}, {"pruned_layers": []}, {"epochs": 3}])
def test_where_nothing_was_pruned_the_pruned_share_is_unmeasured(model, notes):
    if notes is not None:
        note(model, notes)
    reading = read(Weights(), HandmadeSubject(model=model))
    assert reading["sparsity_prunable"] == Unmeasured("no layer of it was pruned")


@pytest.mark.parametrize(
    ("layers", "share"), [(["first"], 4 / 8), (["second"], 2 / 12), (["first", "second"], 6 / 20)]
)
def test_the_pruned_share_is_that_of_the_pruned_layers(model, layers, share):
    note(model, {"pruned_layers": layers})
    assert read(Weights(), HandmadeSubject(model=model))["sparsity_prunable"] == pytest.approx(
        share
    )


def test_pruned_layers_that_are_not_in_the_file_are_an_error(model):
    note(model, {"pruned_layers": ["third", "fir"]})
    with pytest.raises(ValueError, match=r"none of the pruned layers \(fir, third\)") as refusal:
        read(Weights(), HandmadeSubject(model=model))
    assert str(model) in str(refusal.value)
    assert "model/first/MatMul" in str(refusal.value)


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"pruned_layers": "first"}', '{"pruned_layers": [1]}', "\xff"]
)
def test_notes_that_cannot_be_read_are_an_error(model, text):
    (model.parent / "notes.json").write_text(text, encoding="latin-1")
    with pytest.raises(ValueError, match=r"notes\.json"):
        read(Weights(), HandmadeSubject(model=model))


def test_a_file_without_weights_has_no_share_of_zeros(tmp_path):
    graph = Graph()
    graph.operator("RELU", [graph.tensor("input", (1,))])
    reading = read(Weights(), HandmadeSubject(model=write(tmp_path / "model.tflite", graph)))
    assert reading["parameters"] == 0
    assert reading["sparsity"] == Unmeasured("the file holds no constant weights")
