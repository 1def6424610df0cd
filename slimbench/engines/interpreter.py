"""A model in TensorFlow Lite's interpreter, whichever package that comes from.

`ai_edge_litert` and TensorFlow bring the same interpreter under two names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from slimbench.engines.tensors import (
    Array,
    Encoder,
    Quantization,
    check_scores_shape,
    closed,
    quantization,
)
from slimbench.spec import PixelMode, Pixels

Interpreter = Any

OP_RESOLVER = "op_resolver"


class InterpreterSession:
    """A model in an allocated interpreter; not safe to share between threads.

    `invoke` is the interpreter's own bound method, so that nothing of ours is on the clock.
    """

    invoke: Callable[[], None]
    input_shape: tuple[int, ...]

    def __init__(self, interpreter: Interpreter, pixels: PixelMode = "raw") -> None:
        source = _sole(interpreter.get_input_details(), "input")
        result = _sole(interpreter.get_output_details(), "output")
        _check_fixed(source)
        self.input_shape = _shape(source)
        check_scores_shape(_shape(result))
        self._interpreter = interpreter
        self._input = source["index"]
        self._output = result["index"]
        self._encode = Encoder(self.input_shape, _quantization(source), pixels)
        self._output_quantization = _quantization(result)
        self.invoke = interpreter.invoke

    def feed(self, image: Pixels) -> None:
        """Set one image, uint8, shape (height, width, channels); raises ValueError otherwise."""
        batch = self._encode(image)
        self._opened().set_tensor(self._input, batch)

    def scores(self) -> npt.NDArray[np.float32]:
        """Return the class scores of the last invocation, shape (classes,), dequantised."""
        raw: Array = self._opened().get_tensor(self._output).reshape(-1)
        quantization = self._output_quantization
        return raw if quantization is None else quantization.dequantize(raw)

    def close(self) -> None:
        """Free the model; using the session afterwards raises ValueError."""
        self.invoke = closed
        self._interpreter = None

    def _opened(self) -> Interpreter:
        if self._interpreter is None:
            closed()
        return self._interpreter


def load(  # noqa: PLR0913 - a runtime, and what its user asks of it
    runtime: str,
    interpreter: Callable[..., Interpreter],
    resolvers: Any,
    model: Path,
    threads: int,
    *,
    pixels: PixelMode,
    options: Mapping[str, str],
) -> InterpreterSession:
    """Load and allocate a model.

    Args:
        runtime: its name, for messages.
        interpreter: its `Interpreter` class.
        resolvers: its enumeration of `OpResolverType`.
        model: the `.tflite` file.
        threads: how many it computes with.
        pixels: what the model expects of them.
        options: `op_resolver` with a name in `resolvers`, or nothing.

    Raises:
        ValueError: naming the file, where the runtime cannot take it or it is no classifier.
    """
    if not model.is_file():
        raise ValueError(f"There is no model file {model}.")
    try:
        made = interpreter(
            model_path=str(model), num_threads=threads, **_arguments(options, resolvers)
        )
        made.allocate_tensors()
        return InterpreterSession(made, pixels)
    except (ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"{runtime} cannot run {model}: {reason}") from error


def _arguments(options: Mapping[str, str], resolvers: Any) -> dict[str, Any]:
    """Return options as the interpreter takes them; raises ValueError for one it does not have."""
    arguments: dict[str, Any] = {}
    for name, value in options.items():
        if name != OP_RESOLVER or value not in resolvers.__members__:
            raise ValueError(f"there is no option {name}={value}")
        arguments["experimental_op_resolver_type"] = resolvers[value]
    return arguments


def _sole(tensors: list[dict[str, Any]], what: str) -> dict[str, Any]:
    if len(tensors) != 1:
        raise ValueError(f"an image classifier has one {what}, this model has {len(tensors)}")
    return tensors[0]


def _shape(tensor: dict[str, Any]) -> tuple[int, ...]:
    return tuple(int(size) for size in tensor["shape"])


def _check_fixed(tensor: dict[str, Any]) -> None:
    """An open batch size is taken as 1; an open height or width leaves no size to measure at."""
    signature = tuple(int(size) for size in tensor.get("shape_signature", ()))
    if any(size < 0 for size in signature[1:]):
        raise ValueError(
            f"its input shape is open, {signature}; convert it again with a fixed height, width "
            "and number of channels"
        )


def _quantization(tensor: dict[str, Any]) -> Quantization | None:
    parameters = tensor["quantization_parameters"]
    return quantization(
        tensor["name"], np.dtype(tensor["dtype"]), parameters["scales"], parameters["zero_points"]
    )
