from __future__ import annotations

from pathlib import Path

import pytest

from slimbench.tflite.weights import Weight
from slimbench.user_models.precision import of_weights, precision
from tests.tiny_models import Quantized, first_pixels, linear_model


def weight(dtype: str, computed: str, *, unpacked: bool = False) -> Weight:
    return Weight("w", "CONV_2D", frozenset(), 4, 0, 0, dtype, computed, unpacked)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (weight("float32", "float32"), "f32"),
        (weight("float16", "float32", unpacked=True), "f16"),
        (weight("int8", "float32", unpacked=True), "weights_wi8"),
        (weight("int8", "float32"), "dynamic_wi8"),
        (weight("int8", "int8"), "static_wi8_ai8"),
    ],
)
def test_a_precision_is_how_weights_are_kept_and_results_computed(
    found: Weight, expected: str
) -> None:
    assert of_weights([found]) == expected
    assert of_weights([weight("float32", "float32"), found]) == expected


def test_a_file_without_weights_has_none() -> None:
    assert of_weights([]) is None


def test_it_is_read_from_a_file(tmp_path: Path) -> None:
    plain = linear_model(tmp_path / "f.tflite", first_pixels(3))
    integers = linear_model(
        tmp_path / "i.tflite", first_pixels(3), quantized=Quantized("int8", 1.0, 0)
    )
    assert (precision(plain), precision(integers)) == ("f32", "static_wi8_ai8")
    (tmp_path / "no.tflite").write_bytes(b"\0\0\0\0TFL3 and no more")
    assert precision(tmp_path / "no.tflite") is None
