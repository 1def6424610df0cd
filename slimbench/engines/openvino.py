"""OpenVINO, Intel's runtime for x86 processors, on the same `.tflite` files.

An optional extra: `pip install "slimbench[openvino]"`. By default it computes in bfloat16 where
the processor is quick at that, so its answers are compared with LiteRT's beside its times.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from slimbench.engines.openvino_file import readable
from slimbench.engines.tensors import Encoder, check_scores_shape, closed, quantization
from slimbench.spec import Engine, PixelMode, Pixels, Session
from slimbench.tflite.model import Tensor

PRECISION = "precision"
PRECISIONS = {"f32": "float32", "bf16": "bfloat16", "f16": "float16"}
"""OpenVINO's names of what it can be told to compute float models in, and ours."""

INTEGERS = frozenset({"i8", "u8"})

WEIGHTY = frozenset({"Convolution", "FullyConnected", "MatMul", "Deconvolution"})
"""The layers whose precision is the model's: nearly all arithmetic is in them."""


class OpenVINOSession:
    """A compiled model with its one request; not safe to share between threads.

    `precision` is what its convolutions and dense layers compute in, as the compiled graph has
    it: the hint alone says bfloat16 even of a model that computes in int8.
    """

    invoke: Callable[[], None]
    input_shape: tuple[int, ...]
    precision: str | None

    def __init__(
        self,
        compiled: Any,
        inputs: tuple[Tensor, ...],
        outputs: tuple[Tensor, ...],
        pixels: PixelMode,
    ) -> None:
        source, result = _sole(compiled.inputs, "input"), _sole(compiled.outputs, "output")
        shape = source.get_partial_shape()
        if shape.is_dynamic:
            raise ValueError(
                f"its input shape is open, {shape}; convert it again with a fixed height, width "
                "and number of channels"
            )
        self.input_shape = tuple(int(size) for size in source.get_shape())
        check_scores_shape(tuple(int(size) for size in result.get_shape()))
        self._encode = Encoder(self.input_shape, _quantization(source, inputs[0]), pixels)
        self._output_quantization = _quantization(result, outputs[0])
        self._request: Any = compiled.create_infer_request()
        self._input: npt.NDArray[Any] = self._request.get_input_tensor().data
        self._output: npt.NDArray[Any] = self._request.get_output_tensor().data
        self.invoke = self._request.infer
        self.precision = precision(compiled)

    def feed(self, image: Pixels) -> None:
        """Set one image, uint8, shape (height, width, channels); raises ValueError otherwise."""
        batch = self._encode(image)
        self._opened()
        self._input[...] = batch

    def scores(self) -> npt.NDArray[np.float32]:
        """Return the class scores of the last invocation, shape (classes,), dequantised."""
        self._opened()
        raw = self._output.reshape(-1).copy()
        quantization = self._output_quantization
        return raw if quantization is None else quantization.dequantize(raw)

    def close(self) -> None:
        """Free the model; using the session afterwards raises ValueError."""
        self.invoke = closed
        self._input = self._output = np.zeros(0)
        self._request = None

    def _opened(self) -> Any:
        if self._request is None:
            closed()
        return self._request


class OpenVINO:
    """OpenVINO on the CPU, told to answer one image at a time as soon as it can.

    Its option `precision` is `f32`, `bf16` or `f16`: what float models are computed in.
    """

    name: str = "openvino"
    takes: Literal["tflite", "keras"] = "tflite"
    needs_tensorflow: bool = False
    disturbs_others: bool = True
    scores_in_parallel: bool = False
    options: Mapping[str, str] = MappingProxyType({})
    distribution: str = "openvino"

    def prepare(self) -> None:
        """Import OpenVINO; raises ValueError, saying how to install it, where it is not there."""
        _openvino()

    def load(self, model: Path, threads: int, pixels: PixelMode = "raw") -> Session:
        """Read and compile.

        Raises:
            ValueError: naming the file, where OpenVINO cannot take it, or saying how to install
                OpenVINO where it is not there.
        """
        openvino = _openvino()
        if not model.is_file():
            raise ValueError(f"There is no model file {model}.")
        try:
            settings = _settings(threads, self.options)
            with readable(model) as file:
                core = openvino.Core()
                compiled = core.compile_model(core.read_model(str(file.path)), "CPU", settings)
                return OpenVINOSession(compiled, file.inputs, file.outputs, pixels)
        except (ValueError, RuntimeError, OSError, ImportError) as error:
            raise ValueError(f"OpenVINO cannot run {model}: {_reason(error)}") from error


def _openvino() -> Any:
    try:
        return importlib.import_module("openvino")
    except ImportError as error:
        raise ValueError(
            f"OpenVINO is not installed here ({error}). Install it with "
            'pip install "slimbench[openvino]", or leave the engine out.'
        ) from error


def precision(compiled: Any) -> str | None:
    """Return what a compiled model computes in, such as `int8, bfloat16`, the most used first.

    That is of its convolutions and dense layers; of a model without any, what it was hinted.
    """
    counts: dict[str, int] = {}
    for layer in compiled.get_runtime_model().get_ops():
        told = layer.get_rt_info()
        if not {"layerType", "runtimePrecision"} <= set(told):
            continue
        if _text(told, "layerType") in WEIGHTY:
            name = _named(_text(told, "runtimePrecision"))
            counts[name] = counts.get(name, 0) + 1
    if counts:
        return ", ".join(sorted(counts, key=lambda name: (-counts[name], name)))
    hinted: str | None = compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name()
    return None if not hinted or hinted == "dynamic" else _named(hinted)


def _named(short: str) -> str:
    return "int8" if short in INTEGERS else PRECISIONS.get(short, short)


def _text(told: Any, key: str) -> str:
    return str(told[key].astype(str))


def _settings(threads: int, options: Mapping[str, str]) -> dict[str, Any]:
    if threads < 1:
        raise ValueError(f"{threads} is no number of threads; 1 is the fewest")
    settings: dict[str, Any] = {
        "INFERENCE_NUM_THREADS": threads,
        "PERFORMANCE_HINT": "LATENCY",
        "NUM_STREAMS": 1,
    }
    for name, value in options.items():
        if name != PRECISION or value not in PRECISIONS:
            raise ValueError(f"there is no option {name}={value}")
        settings["INFERENCE_PRECISION_HINT"] = value
    return settings


def _quantization(port: Any, stored: Tensor) -> Any:
    dtype = np.dtype(port.get_element_type().to_dtype())
    return quantization(stored.name, dtype, stored.scales, stored.zero_points)


def _sole(ports: Iterable[Any], what: str) -> Any:
    found = list(ports)
    if len(found) != 1:
        raise ValueError(f"an image classifier has one {what}, this model has {len(found)}")
    return found[0]


def _reason(error: Exception) -> str:
    """Return what OpenVINO says without the places in its source that it was said from."""
    lines = [line.strip() for line in str(error).splitlines()]
    noise = ("Exception from ", "Check '", "FrontEnd API failed")
    told = [line for line in lines if line and not line.startswith(noise)]
    return " ".join(told or lines) or type(error).__name__


ENGINE: Engine = OpenVINO()
