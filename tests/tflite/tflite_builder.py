"""Tiny `.tflite` flatbuffers, written by hand with the schema's object API.

They need not run: they hold what a reader of files looks at, in every form that files come in.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

TYPES = schema.TensorType

ARRAY_TYPES = {
    "float16": TYPES.FLOAT16,
    "float32": TYPES.FLOAT32,
    "int8": TYPES.INT8,
    "uint8": TYPES.UINT8,
    "int16": TYPES.INT16,
    "int32": TYPES.INT32,
}


def pack(values: np.ndarray, bits: int) -> bytes:
    """Put small integers into bytes one by one, the first in the lowest bits."""
    packed = bytearray(-(-values.size * bits // 8))
    for position, value in enumerate(values.ravel().tolist()):
        byte, place = divmod(position * bits, 8)
        packed[byte] |= (value & ((1 << bits) - 1)) << place
    return bytes(packed)


def quantization(
    scale: Sequence[float], zero_point: Sequence[int] = (), axis: int = 0
) -> schema.QuantizationParametersT:
    """One scale and zero point for a tensor, or one each for its channels along `axis`."""
    parameters = schema.QuantizationParametersT()
    parameters.scale = np.array(scale, np.float32)
    parameters.zeroPoint = np.array(zero_point, np.int64) if len(zero_point) else None
    parameters.quantizedDimension = axis
    return parameters


def blocks(scales: int, block_size: int, zero_points: int = -1) -> schema.QuantizationParametersT:
    """Quantisation in blocks, whose scales are the tensor of this index."""
    parameters = schema.QuantizationParametersT()
    parameters.detailsType = schema.QuantizationDetails.BlockwiseQuantization
    parameters.details = schema.BlockwiseQuantizationT()
    parameters.details.scales = scales
    parameters.details.zeroPoints = zero_points
    parameters.details.blockSize = block_size
    return parameters


class Graph:
    """One subgraph in the making; tensors and operators are added, their indices returned."""

    def __init__(self) -> None:
        self.tensors: list[Any] = []
        self.contents: dict[int, bytes] = {}
        self.operators: list[tuple[str, list[int], list[int]]] = []

    def tensor(self, name: str, shape: Sequence[int], kind: int = TYPES.FLOAT32) -> int:
        """Add a tensor that is computed or fed."""
        tensor = schema.TensorT()
        tensor.name, tensor.shape, tensor.type = name, list(shape), kind
        self.tensors.append(tensor)
        return len(self.tensors) - 1

    def constant(
        self,
        name: str,
        values: np.ndarray,
        quantized: schema.QuantizationParametersT | None = None,
        *,
        packed: tuple[int, int] | None = None,
        sparse_shape: Sequence[int] | None = None,
    ) -> int:
        """Add a stored tensor; `packed` is a schema type with its bits.

        With `sparse_shape`, `values` are those that a sparse encoding of this shape keeps.
        """
        kind = packed[0] if packed else ARRAY_TYPES[values.dtype.name]
        index = self.tensor(name, sparse_shape or values.shape, kind)
        self.tensors[index].quantization = quantized
        if sparse_shape is not None:
            self.tensors[index].sparsity = schema.SparsityParametersT()
        self.contents[index] = pack(values, packed[1]) if packed else values.tobytes()
        return index

    def operator(self, name: str, inputs: Sequence[int], output: str = "model/out/Out") -> int:
        """Add an operator and the tensor it computes; returns that tensor."""
        result = self.tensor(output, (1,))
        self.operators.append((name, list(inputs), [result]))
        return result

    def layer(self, name: str, weight: int, bias: int = -1, output: str = "model/out/Out") -> int:
        """Add an operator with a fed input, a weight and, if given, a bias."""
        return self.operator(name, [self.tensor("input", (1,)), weight, bias], output)


def write(path: Path, *graphs: Graph, external: bool = False, old_codes: bool = False) -> Path:
    """Write a model of these subgraphs.

    `external` puts the stored values behind the flatbuffer, as files above 2 GB (and those of
    LiteRT's quantiser) do; `old_codes` fills only the operator codes' deprecated field.
    """
    model = schema.ModelT()
    model.version, model.subgraphs, model.operatorCodes = 3, [], []
    model.buffers = [schema.BufferT()]
    stored: list[tuple[Any, bytes]] = []
    for graph in graphs:
        subgraph = schema.SubGraphT()
        subgraph.tensors = graph.tensors
        subgraph.inputs, subgraph.outputs = [], []
        for index, content in graph.contents.items():
            buffer = schema.BufferT()
            stored.append((buffer, content))
            model.buffers.append(buffer)
            graph.tensors[index].buffer = len(model.buffers) - 1
        subgraph.operators = []
        for name, inputs, outputs in graph.operators:
            code = schema.OperatorCodeT()
            code.deprecatedBuiltinCode = getattr(schema.BuiltinOperator, name)
            code.builtinCode = 0 if old_codes else code.deprecatedBuiltinCode
            model.operatorCodes.append(code)
            operator = schema.OperatorT()
            operator.opcodeIndex = len(model.operatorCodes) - 1
            operator.inputs, operator.outputs = inputs, outputs
            subgraph.operators.append(operator)
        model.subgraphs.append(subgraph)
    path.write_bytes(_packed_outside(model, stored) if external else _packed_inside(model, stored))
    return path


def _packed_inside(model: Any, stored: list[tuple[Any, bytes]]) -> bytes:
    for buffer, content in stored:
        buffer.data = np.frombuffer(content, np.uint8)
    return packed(model)


def _packed_outside(model: Any, stored: list[tuple[Any, bytes]]) -> bytes:
    for buffer, content in stored:
        buffer.offset, buffer.size = 2, len(content)
    end = len(packed(model))
    behind = b""
    for buffer, content in stored:
        buffer.offset = end + len(behind)
        behind += content
    return packed(model) + behind


def packed(model: Any) -> bytes:
    """Return the file of a model, given as the schema's `ModelT`."""
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())
