from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from slimbench.engines.tensors import Quantization
from slimbench.errors import UsageProblem
from slimbench.tflite.metadata import Metadata
from slimbench.user_models.chance import is_near_chance
from slimbench.user_models.expected_pixels import ExpectedPixels, expected_pixels
from slimbench.user_models.model_file import ModelFile

PATH = Path("mine.tflite")
FLOAT = ModelFile(8, 8, 3, 10, None)
GREY = ModelFile(8, 8, 1, 10, None)
NORMALISED = Metadata(mean=(127.5,), std=(127.5,))


def integers(scale: float, zero_point: int, dtype: str = "int8") -> ModelFile:
    return ModelFile(8, 8, 3, 10, Quantization(scale, zero_point, np.dtype(dtype)))


def test_what_was_asked_for_goes_first() -> None:
    assert expected_pixels(PATH, FLOAT, "0..1", NORMALISED) == ExpectedPixels("0..1", "--pixels")


def test_then_what_the_file_says() -> None:
    assert expected_pixels(PATH, FLOAT, None, NORMALISED).mode == "-1..1"
    assert expected_pixels(PATH, integers(1.0, -128), None, NORMALISED).mode == "-1..1"


@pytest.mark.parametrize(
    ("scale", "zero_point", "dtype", "mode"),
    [
        (1.0, -128, "int8", "raw"),
        (1 / 255, -128, "int8", "0..1"),
        (1 / 255, 0, "uint8", "0..1"),
        (2 / 255, 0, "int8", "-1..1"),
        (1 / 128, 128, "uint8", "-1..1"),
    ],
)
def test_then_what_its_integers_suggest(
    scale: float, zero_point: int, dtype: str, mode: str
) -> None:
    found = expected_pixels(PATH, integers(scale, zero_point, dtype), None, None)
    assert found == ExpectedPixels(mode, "its quantisation")


def test_else_they_are_raw() -> None:
    assert expected_pixels(PATH, FLOAT, None, Metadata()).mode == "raw"


def test_a_normalisation_that_is_none_of_the_modes_is_not_guessed_at() -> None:
    other = Metadata(mean=(123.7, 116.3, 103.5), std=(58.4, 57.1, 57.4))
    with pytest.raises(UsageProblem, match=r"means 123.7, 116.3, 103.5 .* with --pixels"):
        expected_pixels(PATH, FLOAT, None, other)
    assert expected_pixels(PATH, FLOAT, "caffe", other).mode == "caffe"


def test_caffe_is_for_colours() -> None:
    with pytest.raises(UsageProblem, match=r"mine.tflite has 1. Choose raw"):
        expected_pixels(PATH, GREY, "caffe", None)


@pytest.mark.parametrize(
    ("interval", "classes", "near"),
    [
        ((0.08, 0.12), 10, True),
        ((0.11, 0.18), 10, True),
        ((0.0, 0.001), 1000, True),
        ((0.0, 0.05), 10, True),
        ((0.72, 0.79), 10, False),
        ((0.15, 0.25), 10, False),
        ((0.02, 0.05), 1000, False),
        ((0.6, 0.9), 2, False),
        ((0.51, 0.54), 2, True),
        ((0.45, 1.0), 2, True),
    ],
)
def test_guessing_is_told(interval: tuple[float, float], classes: int, near: bool) -> None:
    assert is_near_chance(interval, classes) == near
