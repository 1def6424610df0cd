"""LiteRT, the TensorFlow Lite runtime that phones and boards use.

On loading its first model the runtime writes one line about its CPU delegate straight to file
descriptor 2. Its Python package has no switch for that line, so it is left alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert.interpreter import Interpreter

from bench.spec import Engine, Pixels, Session

Array = npt.NDArray[Any]

QUANTIZED = (np.int8, np.uint8, np.int16)


@dataclass(frozen=True, slots=True)
class Quantization:
    """How a tensor's integers stand for real numbers: real = scale * (integer - zero point)."""

    scale: float
    zero_point: int
    dtype: np.dtype[Any]

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


def _quantization(tensor: dict[str, Any]) -> Quantization | None:
    """Return a tensor's quantisation, None for float32; raises ValueError for anything else."""
    if tensor["dtype"] is np.float32:
        return None
    dtype = np.dtype(tensor["dtype"])
    scales = tensor["quantization_parameters"]["scales"]
    zero_points = tensor["quantization_parameters"]["zero_points"]
    if tensor["dtype"] not in QUANTIZED or len(scales) != 1 or len(zero_points) != 1:
        raise ValueError(
            f"tensor {tensor['name']!r} is {dtype} with {len(scales)} scales; "
            "float32, or int8, uint8 or int16 with one scale, can be fed and read"
        )
    return Quantization(float(scales[0]), int(zero_points[0]), dtype)


def pixel_table(quantization: Quantization | None) -> Array:
    """Return what each pixel value 0-255 becomes at the input, shape (256,)."""
    pixels = np.arange(256)
    return pixels.astype(np.float32) if quantization is None else quantization.quantize(pixels)


def _sole(tensors: list[dict[str, Any]], what: str) -> dict[str, Any]:
    if len(tensors) != 1:
        raise ValueError(f"an image classifier has one {what}, this model has {len(tensors)}")
    return tensors[0]


def _closed() -> None:
    raise ValueError("this session is closed; load the model again")


class LiteRTSession:
    """A model in LiteRT's interpreter; not safe to share between threads.

    `invoke` is the interpreter's own bound method, so that nothing of ours is on the clock.
    """

    invoke: Callable[[], None]
    input_shape: tuple[int, ...]

    def __init__(self, interpreter: Interpreter) -> None:
        source = _sole(interpreter.get_input_details(), "input")
        result = _sole(interpreter.get_output_details(), "output")
        self.input_shape = tuple(int(size) for size in source["shape"])
        if len(self.input_shape) != 4 or self.input_shape[0] != 1:
            raise ValueError(f"its input shape is {self.input_shape}, not (1, height, width, c)")
        if np.prod(result["shape"]) != result["shape"][-1]:
            shape = tuple(int(size) for size in result["shape"])
            raise ValueError(f"its output shape is {shape}, not (1, classes)")
        self._interpreter = interpreter
        self._input = source["index"]
        self._output = result["index"]
        self._table = pixel_table(_quantization(source))
        self._output_quantization = _quantization(result)
        self.invoke = interpreter.invoke

    def feed(self, image: Pixels) -> None:
        """Set one image, uint8, shape (height, width, channels); raises ValueError otherwise."""
        if image.dtype != np.uint8 or image.shape != self.input_shape[1:]:
            raise ValueError(
                f"The model takes uint8 images of shape {self.input_shape[1:]}, "
                f"not {image.dtype} of shape {image.shape}."
            )
        self._opened().set_tensor(self._input, self._table[image][np.newaxis])

    def scores(self) -> npt.NDArray[np.float32]:
        """Return the class scores of the last invocation, shape (classes,), dequantised."""
        raw: Array = self._opened().get_tensor(self._output).reshape(-1)
        quantization = self._output_quantization
        return raw if quantization is None else quantization.dequantize(raw)

    def close(self) -> None:
        """Free the model; using the session afterwards raises ValueError."""
        self.invoke = _closed
        self._interpreter = None

    def _opened(self) -> Interpreter:
        if self._interpreter is None:
            _closed()
        return self._interpreter


class LiteRT:
    """The runtime of the `ai-edge-litert` package, on the CPU with its default delegate."""

    name: str = "litert"
    needs_tensorflow: bool = False

    def load(self, model: Path, threads: int) -> Session:
        """Load and allocate; raises ValueError, naming the file, where LiteRT cannot take it."""
        if not model.is_file():
            raise ValueError(f"There is no model file {model}.")
        try:
            interpreter = Interpreter(model_path=str(model), num_threads=threads)
            interpreter.allocate_tensors()
            return LiteRTSession(interpreter)
        except (ValueError, RuntimeError) as error:
            reason = " ".join(str(error).split())
            raise ValueError(f"LiteRT cannot run {model}: {reason}") from error


ENGINE: Engine = LiteRT()
