"""Real `.tflite` files of a few hundred bytes, whose scores can be worked out by hand.

Each is one fully-connected layer on the flattened image, so score = weights @ pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tests.tflite.tflite_builder import packed

WEIGHT_SCALE = 1 / 64
"""Of quantised weights: those that are multiples of it, under 2, are represented exactly."""

SHAPE = (4, 4, 3)

TYPES = {
    "float32": schema.TensorType.FLOAT32,
    "int32": schema.TensorType.INT32,
    "uint8": schema.TensorType.UINT8,
    "int8": schema.TensorType.INT8,
}


@dataclass(frozen=True)
class Quantized:
    """Integers at input and output, both with this scale and zero point."""

    dtype: str
    scale: float
    zero_point: int


class _Graph:
    def __init__(self) -> None:
        self.tensors: list[Any] = []
        self.buffers = [schema.BufferT()]
        self.operators: list[Any] = []
        self.codes: list[Any] = []

    def tensor(
        self,
        name: str,
        shape: Sequence[int],
        dtype: str,
        data: np.ndarray | None = None,
        quantization: tuple[float, int] | None = None,
    ) -> int:
        tensor = schema.TensorT()
        tensor.name, tensor.shape, tensor.type = name, list(shape), TYPES[dtype]
        if data is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(np.ascontiguousarray(data, dtype).tobytes(), np.uint8)
            self.buffers.append(buffer)
            tensor.buffer = len(self.buffers) - 1
        if quantization is not None:
            parameters = schema.QuantizationParametersT()
            parameters.scale, parameters.zeroPoint = [quantization[0]], [quantization[1]]
            tensor.quantization = parameters
        self.tensors.append(tensor)
        return len(self.tensors) - 1

    def operator(self, name: str, version: int, inputs: list[int], output: int) -> None:
        code = schema.OperatorCodeT()
        code.builtinCode = getattr(schema.BuiltinOperator, name)
        code.deprecatedBuiltinCode, code.version = code.builtinCode, version
        self.codes.append(code)
        operator = schema.OperatorT()
        operator.opcodeIndex = len(self.codes) - 1
        operator.inputs, operator.outputs = inputs, [output]
        if name == "FULLY_CONNECTED":
            operator.builtinOptionsType = schema.BuiltinOptions.FullyConnectedOptions
            operator.builtinOptions = schema.FullyConnectedOptionsT()
        self.operators.append(operator)

    def write(self, path: Path, inputs: list[int], outputs: list[int]) -> Path:
        graph = schema.SubGraphT()
        graph.tensors, graph.operators = self.tensors, self.operators
        graph.inputs, graph.outputs = inputs, outputs
        model = schema.ModelT()
        model.version, model.subgraphs = 3, [graph]
        model.operatorCodes, model.buffers = self.codes, self.buffers
        path.write_bytes(packed(model))
        return path


def linear_model(
    path: Path,
    weights: np.ndarray,
    *,
    shape: tuple[int, int, int] = SHAPE,
    quantized: Quantized | None = None,
) -> Path:
    """Write a model with score = weights @ pixels; weights of shape (classes, h * w * c)."""
    classes, flat = weights.shape
    dtype = quantized.dtype if quantized else "float32"
    outer = (quantized.scale, quantized.zero_point) if quantized else None
    inner, bias_scale, stored, bias_dtype = None, None, weights, "float32"
    if quantized:
        middle = 128 if dtype == "uint8" else 0
        inner, bias_scale = (WEIGHT_SCALE, middle), (quantized.scale * WEIGHT_SCALE, 0)
        stored, bias_dtype = np.rint(weights / WEIGHT_SCALE) + middle, "int32"
    graph = _Graph()
    image = graph.tensor("image", (1, *shape), dtype, quantization=outer)
    size = graph.tensor("flat_shape", (2,), "int32", np.array([1, flat]))
    row = graph.tensor("flat", (1, flat), dtype, quantization=outer)
    kernel = graph.tensor("kernel", weights.shape, dtype, stored, inner)
    bias = graph.tensor("bias", (classes,), bias_dtype, np.zeros(classes), bias_scale)
    scores = graph.tensor("scores", (1, classes), dtype, quantization=outer)
    graph.operator("RESHAPE", 1, [image, size], row)
    graph.operator("FULLY_CONNECTED", 4 if dtype == "int8" else 1, [row, kernel, bias], scores)
    return graph.write(path, [image], [scores])


def identity_model(path: Path, *shapes: Sequence[int], dtype: str = "float32") -> Path:
    """Write a model that only reshapes each input to itself, one input and output a shape."""
    graph = _Graph()
    inputs, outputs = [], []
    for number, shape in enumerate(shapes):
        size = graph.tensor(f"shape{number}", (len(shape),), "int32", np.array(shape))
        inputs.append(graph.tensor(f"in{number}", shape, dtype))
        outputs.append(graph.tensor(f"out{number}", shape, dtype))
        graph.operator("RESHAPE", 1, [inputs[-1], size], outputs[-1])
    return graph.write(path, inputs, outputs)


def first_pixels(classes: int, shape: tuple[int, int, int] = SHAPE) -> np.ndarray:
    """Return weights with which score k is the k-th value of the flattened image."""
    return np.eye(classes, int(np.prod(shape)))
