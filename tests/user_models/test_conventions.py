from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from slimbench.engines.tensors import Quantization
from slimbench.errors import UsageProblem
from slimbench.tflite.metadata import Metadata
from slimbench.user_models.conventions import (
    ClassNames,
    ExpectedPixels,
    class_names,
    expected_pixels,
    is_near_chance,
    lost_by_quantising,
    read_labels,
)
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


@pytest.mark.parametrize(
    ("scale", "zero_point", "dtype"), [(1 / 32767, 0, "int16"), (0.016, -5, "int8")]
)
def test_integers_that_tell_nothing_are_asked_about_where_images_are_scored(
    scale: float, zero_point: int, dtype: str
) -> None:
    model = integers(scale, zero_point, dtype)
    with pytest.raises(UsageProblem, match=rf"takes {dtype} values .* Say so with --pixels: raw,"):
        expected_pixels(PATH, model, None, None)
    assert expected_pixels(PATH, model, "0..1", None).mode == "0..1"
    assert expected_pixels(PATH, model, None, None, scored=False).mode == "raw"


def test_else_they_are_raw() -> None:
    assert expected_pixels(PATH, FLOAT, None, Metadata()).mode == "raw"


def test_a_normalisation_that_is_none_of_the_modes_is_not_guessed_at() -> None:
    torch = Metadata(mean=(123.675, 116.28, 103.53), std=(58.395, 57.12, 57.375))
    assert expected_pixels(PATH, FLOAT, None, torch) == ExpectedPixels("torch", "its metadata")
    other = Metadata(mean=(125.3, 123.0, 113.9), std=(63.0, 62.1, 66.7))
    with pytest.raises(UsageProblem, match=r"means 125.3, 123, 113.9 .* with --pixels"):
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


@pytest.mark.parametrize(
    ("calibrated_on", "cause"),
    [
        ("20 training images of mine", "calibrated on 20 training images of mine.*--pixels"),
        ("", "weights do not bear this precision"),
    ],
)
def test_what_quantising_lost_is_said_with_its_likely_cause(calibrated_on: str, cause: str) -> None:
    warning = lost_by_quantising("m_int8", 0.748, 0.72, calibrated_on)
    assert warning is not None
    assert re.search(f"m_int8 is right on 72.0% .* float model on 74.8%.*{cause}", warning)
    assert lost_by_quantising("m_int8", 0.748, 0.729, calibrated_on) is None


MODEL = Path("mine.tflite")


def labels_file(folder: Path, text: str) -> Path:
    path = folder / "labels.txt"
    path.write_bytes(text.encode())
    return path


@pytest.mark.parametrize("text", ["cat\ndog\n", "cat\r\ndog\r\n", "\ufeffcat\n dog \n\n\n"])
def test_labels_are_lines(tmp_path: Path, text: str) -> None:
    assert read_labels(labels_file(tmp_path, text)) == ("cat", "dog")


def test_a_file_goes_before_metadata_and_metadata_before_folders(tmp_path: Path) -> None:
    file, metadata = labels_file(tmp_path, "cat\ndog"), Metadata(labels=("a", "b"))
    assert class_names(MODEL, 2, file, metadata) == ClassNames(("cat", "dog"), "labels.txt")
    assert class_names(MODEL, 2, None, metadata) == ClassNames(("a", "b"), "its metadata")
    assert class_names(MODEL, 2, None, Metadata()) == ClassNames((), "the folders' names")
    assert class_names(MODEL, 2, None, None).names == ()


def test_1000_labels_fit_a_model_with_a_background_class(tmp_path: Path) -> None:
    file = labels_file(tmp_path, "\n".join(f"class {index}" for index in range(1000)))
    names = class_names(MODEL, 1001, file, None).names
    assert names[:2] == ("background", "class 0")
    assert len(names) == 1001


def test_another_number_of_labels_is_refused_by_name(tmp_path: Path) -> None:
    file = labels_file(tmp_path, "cat\ndog")
    with pytest.raises(UsageProblem, match=r"labels.txt has 2 labels, and mine.tflite has 3 class"):
        class_names(MODEL, 3, file, None)
    with pytest.raises(UsageProblem, match=r"metadata of mine.tflite has 2 labels.* --labels"):
        class_names(MODEL, 3, None, Metadata(labels=("a", "b")))


@pytest.mark.parametrize(
    ("text", "said"),
    [("", "labels.txt is empty"), ("cat\n\ndog", "labels.txt:2 has no label")],
)
def test_a_line_without_a_label_is_pointed_at(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UsageProblem, match=said):
        read_labels(labels_file(tmp_path, text))


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageProblem, match=r"labels.txt is no text in UTF-8"):
        read_labels(tmp_path / "labels.txt")
    with pytest.raises(UsageProblem, match=r"none.txt cannot be read: No such file"):
        read_labels(tmp_path / "none.txt")
    with pytest.raises(UsageProblem, match=r"cannot be read: Is a directory"):
        read_labels(tmp_path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=60))
def test_wild_bytes_are_labels_or_a_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "labels.txt"
    path.write_bytes(content)
    try:
        found: tuple[str, ...] | str = read_labels(path)
    except UsageProblem as problem:
        found = str(problem)
    assert str(path) in found if isinstance(found, str) else all(found)
