"""What a model expects of pixels: raw ones, a rescaling, or what Caffe's networks were trained on.

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

RANGES: dict[PixelMode, tuple[float, float]] = {
    "raw": (0.0, 255.0),
    "0..1": (0.0, 1.0),
    "-1..1": (-1.0, 1.0),
}
"""From what to what the values reach in each mode that can be told by that."""


def values(mode: PixelMode, channels: int) -> npt.NDArray[np.float64]:
    """Return what each pixel value 0-255 stands for at a model's input.

    Shape (256,) where all channels are treated alike; for `caffe` (3, 256), a row for each channel
    of the input, which are blue, green, red. Raises ValueError for `caffe` without 3 channels.
    """
    pixels = np.arange(256, dtype=np.float64)
    if mode == "raw":
        return pixels
    if mode == "0..1":
        return pixels / 255
    if mode == "-1..1":
        return pixels / 127.5 - 1
    if channels != len(CAFFE_MEANS):
        raise ValueError(f"pixels as caffe has them are of 3 channels, its input has {channels}")
    means = np.array(CAFFE_MEANS, np.float64)
    return pixels[np.newaxis] - means[:, np.newaxis]


def look_up(table: npt.NDArray[Any], image: Pixels) -> npt.NDArray[Any]:
    """Return an RGB image with each pixel as a table made from `values` has it, same shape."""
    if table.ndim == 1:
        return table[image]
    return table[np.arange(len(table)), image[..., ::-1]]


def as_floats(image: Pixels, mode: PixelMode) -> npt.NDArray[np.float32]:
    """Return what a float input expects of an image of shape (height, width, channels)."""
    return look_up(values(mode, image.shape[-1]).astype(np.float32), image)


def luminance(image: Pixels) -> Pixels:
    """Return an RGB image in one channel, shape (height, width, 1).

    By ITU-R 601-2 in the integers in which Pillow's mode "L" computes it.
    """
    red, green, blue = (image[..., [channel]].astype(np.uint32) for channel in range(3))
    return ((red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16).astype(np.uint8)


def guess(low: float, high: float) -> PixelMode:
    """Return the mode whose values fill the range of a quantised input best.

    Args:
        low: the real value of the smallest integer.
        high: that of the largest.

    Near is alike in width, as a ratio, and then in place: -128..127 is nearer to 0..255 than to
    -1..1. What the input was meant for is nowhere in the file, so this is a default and no more.
    """
    width, centre = high - low, (low + high) / 2

    def distance(mode: PixelMode) -> float:
        start, end = RANGES[mode]
        apart = abs(centre - (start + end) / 2) / max(width, end - start)
        return abs(math.log(width / (end - start))) + apart

    return min(RANGES, key=distance)
