"""What a model expects of pixels: raw ones, or rescaled in one of the ways of the frameworks.

Everything in the suite hands raw 0-255 pixels to a session. The suite's own models take them so;
a model from elsewhere may want them changed first, in one of the ways that are usual.
"""

from __future__ import annotations

import math
from typing import Any, get_args

import numpy as np
import numpy.typing as npt

from slimbench.spec import PixelMode, Pixels

MODES: tuple[PixelMode, ...] = get_args(PixelMode)

CAFFE_MEANS = (103.939, 116.779, 123.68)
"""Of blue, green and red over ImageNet's training images, as `keras.applications` has them."""

TORCH_MEANS, TORCH_DEVIATIONS = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of red, green and blue, as shares of 255, over ImageNet's training images, as torchvision's
`Normalize` has them."""

RANGES: dict[PixelMode, tuple[float, float]] = {
    "raw": (0.0, 255.0),
    "0..1": (0.0, 1.0),
    "-1..1": (-1.0, 1.0),
    "torch": (-2.118, 2.640),
}
"""From what to what the values reach in each mode that can be told by that. `caffe` cannot: its
range is nearly that of signed 8-bit integers, whatever they stand for."""

TELLING = 0.18
"""How far a range may be from those of the modes to be taken for one: farther than that of a
network that was calibrated on pictures which fill nine tenths of the range."""


def values(mode: PixelMode, channels: int) -> npt.NDArray[np.float64]:
    """Return what each pixel value 0-255 stands for at a model's input.

    Shape (256,) where all channels are treated alike; else (3, 256), a row for each channel of the
    input: for `torch` red, green, blue, for `caffe` blue, green, red. Raises ValueError for these
    two without 3 channels.
    """
    pixels = np.arange(256, dtype=np.float64)
    if mode == "raw":
        return pixels
    if mode == "0..1":
        return pixels / 255
    if mode == "-1..1":
        return pixels / 127.5 - 1
    if channels != len(CAFFE_MEANS):
        raise ValueError(f"pixels as {mode} has them are of 3 channels, its input has {channels}")
    if mode == "torch":
        return (pixels / 255 - _column(TORCH_MEANS)) / _column(TORCH_DEVIATIONS)
    return pixels - _column(CAFFE_MEANS)


def _column(channels: tuple[float, ...]) -> npt.NDArray[np.float64]:
    return np.array(channels, np.float64)[:, np.newaxis]


def look_up(table: npt.NDArray[Any], image: Pixels, mode: PixelMode) -> npt.NDArray[Any]:
    """Return an RGB image with each pixel as a table made from `values` has it, same shape."""
    if table.ndim == 1:
        return table[image]
    ordered = image[..., ::-1] if mode == "caffe" else image
    return table[np.arange(len(table)), ordered]


def as_floats(image: Pixels, mode: PixelMode) -> npt.NDArray[np.float32]:
    """Return what a float input expects of an image of shape (height, width, channels)."""
    return look_up(values(mode, image.shape[-1]).astype(np.float32), image, mode)


def luminance(image: Pixels) -> Pixels:
    """Return an RGB image in one channel, shape (height, width, 1).

    By ITU-R 601-2 in the integers in which Pillow's mode "L" computes it.
    """
    red, green, blue = (image[..., [channel]].astype(np.uint32) for channel in range(3))
    return ((red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16).astype(np.uint8)


def guess(low: float, high: float) -> PixelMode | None:
    """Return the mode whose values fill the range of a quantised input; None where none does.

    Args:
        low: the real value of the smallest integer.
        high: that of the largest.

    Near is alike in width, as a ratio, and in place. What the input was meant for is nowhere in
    the file: a range that is no mode's, such as -128..127, tells nothing.
    """
    width, centre = high - low, (low + high) / 2

    def distance(mode: PixelMode) -> float:
        start, end = RANGES[mode]
        apart = abs(centre - (start + end) / 2) / max(width, end - start)
        return abs(math.log(width / (end - start))) + apart

    nearest = min(RANGES, key=distance)
    return nearest if distance(nearest) <= TELLING else None
