"""Each mode and form of a picture, read from files that lie here, as the colours that they show."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from slimbench.datasets.photos.decoding import decode
from slimbench.webapp import pictures
from tests.webapp.fake import MODEL
from tests.webapp.make_golden import BLUE, FOLDER, GREEN, GREY, RED, SIDE

WHITE = (255, 255, 255)
COLOURS = (RED, GREEN, BLUE, GREY)
LOSSY = 4
"""Levels of 255 by which a lossy form may differ."""


def greys(*levels: int) -> tuple[tuple[int, int, int], ...]:
    return tuple((level, level, level) for level in levels)


# What is seen on a white wall: the upper two quarters, then the lower two.
EXPECTED = {
    "rgb.png": COLOURS,
    "rgb.jpg": COLOURS,
    "rgb.webp": COLOURS,
    "lossy.webp": (GREY,) * 4,
    "progressive.jpg": COLOURS,
    "l.png": greys(0, 77, 128, 255),
    "l.jpg": greys(0, 77, 128, 255),
    "la.png": greys(10, 255, 127, 200),
    "1.png": greys(0, 255, 255, 0),
    "p.png": COLOURS,
    "p_transparent.png": (WHITE, GREEN, BLUE, GREY),
    "rgb_transparent.png": (RED, WHITE, BLUE, GREY),
    "rgba.png": (RED, WHITE, (127, 127, 255), (9, 8, 7)),
    "rgba.webp": (RED, WHITE, (127, 127, 255), (9, 8, 7)),
    "cmyk.jpg": COLOURS,
    "i16.png": greys(0, 0x12, 0x80, 0xFF),  # the upper 8 of 16 bits
    "animated.png": COLOURS,
    "animated.webp": COLOURS,
    **{f"orientation{number}.jpg": COLOURS for number in range(1, 9)},
}

FILES = sorted(FOLDER.iterdir())
SQUARE = dataclasses.replace(MODEL, input_shape=(SIDE, SIDE, 3))


def test_each_file_has_its_colours() -> None:
    assert {file.name for file in FILES} == set(EXPECTED)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_the_picture_is_what_a_viewer_shows(file: Path) -> None:
    upper_left, upper_right, lower_left, lower_right = EXPECTED[file.name]
    half = SIDE // 2
    expected = np.empty((SIDE, SIDE, 3), np.uint8)
    expected[:half, :half], expected[:half, half:] = upper_left, upper_right
    expected[half:, :half], expected[half:, half:] = lower_left, lower_right
    found = pictures.read(file.read_bytes(), SQUARE)
    assert found.dtype == np.uint8
    assert found.shape == expected.shape
    is_exact = file.suffix == ".png" or file.name in {"rgb.webp", "rgba.webp", "animated.webp"}
    apart = np.abs(found.astype(int) - expected).max()
    assert apart <= (0 if is_exact else LOSSY)


@pytest.mark.parametrize("shape", [(224, 224, 3), (32, 32, 1), (8, 12, 3)])
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_the_pixels_are_those_that_the_evaluation_makes(
    file: Path, shape: tuple[int, int, int]
) -> None:
    model = dataclasses.replace(MODEL, input_shape=shape)
    content = file.read_bytes()
    assert np.array_equal(pictures.read(content, model), decode(content, *shape))


def test_the_animations_are_some() -> None:
    for name in ("animated.png", "animated.webp"):
        with Image.open(FOLDER / name) as image:
            assert getattr(image, "n_frames", 1) > 1
