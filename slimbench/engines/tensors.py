"""What crosses a model's border: pixels on the way in, class scores on the way out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from slimbench import pixels
from slimbench.spec import PixelMode, Pixels

Array = npt.NDArray[Any]

QUANTIZED = tuple(np.dtype(each) for each in (np.int8, np.uint8, np.int16))
FLOAT = np.dtype(np.float32)


@dataclass(frozen=True, slots=True)
class Quantization:
    """How a tensor's integers stand for real numbers: real = scale * (integer - zero point)."""

    scale: float
    zero_point: int
    dtype: np.dtype[Any]

    @property
    def real_range(self) -> tuple[float, float]:
        """What its smallest and its largest integer stand for."""
        limits = np.iinfo(self.dtype)
        low, high = (self.scale * (int(end) - self.zero_point) for end in (limits.min, limits.max))
        return low, high

    def quantize(self, real: Array) -> Array:
        """Return clip(round half to even(real / scale) + zero point) in `dtype`.

        In float64 the quotient of a pixel and a float32 scale lands on a half only where it
        truly is one, so every correct reading of the formula gives the same integers.
        """
        limits = np.iinfo(self.dtype)
        steps = np.rint(np.asarray(real, np.float64) / self.scale) + self.zero_point
        integers: Array = np.clip(steps, limits.min, limits.max).astype(self.dtype)
        return integers

    def dequantize(self, integers: Array) -> npt.NDArray[np.float32]:
        """Return scale * (integers - zero point)."""
        return ((integers.astype(np.float64) - self.zero_point) * self.scale).astype(np.float32)


def quantization(
    name: str, dtype: np.dtype[Any], scales: Array, zero_points: Array
) -> Quantization | None:
    """Return a tensor's quantisation, None for float32; raises ValueError for anything else."""
    if dtype == FLOAT:
        return None
    one_scale = len(scales) == 1 and len(zero_points) == 1
    if dtype not in QUANTIZED or not one_scale or not 0 < scales[0] < np.inf:
        told = f" of {scales[0]:g}" if one_scale else ""
        raise ValueError(
            f"tensor {name!r} is {dtype} with {len(scales)} scales{told}; "
            "float32, or int8, uint8 or int16 with one scale, can be fed and read"
        )
    return Quantization(float(scales[0]), int(zero_points[0]), dtype)


def pixel_table(
    quantization: Quantization | None, mode: PixelMode = "raw", channels: int = 3
) -> Array:
    """Return what each pixel value 0-255 becomes at the input, shaped as `pixels.values` is."""
    real = pixels.values(mode, channels)
    return real.astype(np.float32) if quantization is None else quantization.quantize(real)


class Encoder:
    """Turns raw images into what the input of one model takes."""

    def __init__(
        self,
        input_shape: tuple[int, ...],
        quantization: Quantization | None = None,
        mode: PixelMode = "raw",
    ) -> None:
        """Raises ValueError where this is no image's shape, or no mode for its channels."""
        if len(input_shape) != 4 or input_shape[0] != 1:
            raise ValueError(f"its input shape is {input_shape}, not (1, height, width, c)")
        self._shape = input_shape[1:]
        self._mode: PixelMode = mode
        self._table = pixel_table(quantization, mode, self._shape[-1])

    def __call__(self, image: Pixels) -> Array:
        """Return a batch of one from a uint8 image of the model's height, width and channels.

        Where the model has one channel, an RGB image gives its luminance. Raises ValueError for
        an image that is not of uint8 or of another shape.
        """
        if self._shape[-1] == 1 and image.shape == (*self._shape[:2], 3):
            image = pixels.luminance(image)
        if image.dtype != np.uint8 or image.shape != self._shape:
            raise ValueError(
                f"The model takes uint8 images of shape {self._shape}, "
                f"not {image.dtype} of shape {image.shape}."
            )
        return pixels.look_up(self._table, image, self._mode)[np.newaxis]


def check_scores_shape(shape: tuple[int, ...]) -> None:
    """Raise ValueError where an output is not one row of class scores."""
    if not shape or np.prod(shape) != shape[-1]:
        raise ValueError(f"its output shape is {shape}, not (1, classes)")


def closed() -> None:
    """Stand in for what a closed session can no longer do."""
    raise ValueError("this session is closed; load the model again")
