"""The constant weights of a `.tflite` file: their number, their zeros, the layers they came from.

Read from the flatbuffer itself, with neither TensorFlow nor an interpreter, so that the figures
describe the bytes that ship and not the network they were made from.

Zeros are counted without dequantising: integers are compared with their zero point, which is exact,
since (value - zero point) * scale cannot round to 0 where neither factor is 0 (the first is at
least 1).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from slimbench.tflite.flatbuffer import damaged
from slimbench.tflite.model import Array, Bytes, Operator, Subgraph, Tensor, open_model

Lookup = Callable[[int], tuple[Tensor, Bytes]]
"""Returns a tensor of the subgraph, by index, with its data."""

SOURCE_OPERATIONS = {
    "CONV_2D": "Conv2D",
    "DEPTHWISE_CONV_2D": "depthwise",
    "FULLY_CONNECTED": "MatMul",
}
"""Operators whose constant second input is a weight, and what TensorFlow calls the operation."""

_OPERATOR_NAMES: dict[int, str] = {
    code: name for name, code in vars(schema.BuiltinOperator).items() if isinstance(code, int)
}
_TYPE_NAMES: dict[int, str] = {
    code: name for name, code in vars(schema.TensorType).items() if isinstance(code, int)
}
_DTYPES = {
    "FLOAT16": "<f2",
    "FLOAT32": "<f4",
    "FLOAT64": "<f8",
    "INT8": "<i1",
    "UINT8": "<u1",
    "INT16": "<i2",
}
_PACKED_BITS = {"INT2": 2, "INT4": 4, "UINT4": 4}
_UNPACKING = frozenset({"DEQUANTIZE", "DENSIFY"})
_WEIGHT, _BIAS = 1, 2
_ABSENT = -1


@dataclass(frozen=True, slots=True)
class Weight:
    """One constant weight tensor, counted.

    `layers` are the parts of its name, among them that of the Keras layer it came from; `zeros`
    counts the values that are 0 once dequantised; `biases` is how many bias values come with it,
    of which those that an earlier weight already brought are left out. `dtype` is how its values
    are stored, `computed` how the operator's result is, such as float32; `unpacked` says that an
    operator in between makes floats of them.
    """

    name: str
    operator: str
    layers: frozenset[str]
    size: int
    zeros: int
    biases: int
    dtype: str
    computed: str
    unpacked: bool


def read_weights(path: Path) -> tuple[Weight, ...]:
    """Count the constant weights of convolutions, depthwise convolutions and dense operators.

    They are looked up through DEQUANTIZE (where float16 files keep them) and DENSIFY (sparse
    ones) in every subgraph; a tensor used twice counts once. One tensor's values are in memory at
    a time. Raises ValueError, naming the file, where it is no whole `.tflite` file or stores
    weights in a way that cannot be counted.
    """
    try:
        model = open_model(path)
        buffers = [buffer.values for buffer in model.buffers]
        names = [_OPERATOR_NAMES.get(code, "UNKNOWN") for code in model.operator_codes]
        return tuple(
            weight
            for graph in model.subgraphs
            for weight in _Graph(graph, buffers, names).weights()
        )
    except ValueError as error:
        raise ValueError(f"{path}: {error}.") from error


def layer_names(tensor_name: str, operator: str) -> frozenset[str]:
    """Split a tensor's name into the scopes it came from.

    The converter joins with `;` the names of all that it fused, as in
    `model/bn/FusedBatchNormV3;model/dw/depthwise`. Where some of them name the operator itself
    the others are left out, as they may belong to other layers. The last digits of a name only
    make it unique: `Conv2D1`.
    """
    paths = [part.split("/") for part in tensor_name.split(";") if part]
    matching = [path for path in paths if path[-1].startswith(SOURCE_OPERATIONS[operator])]
    return frozenset(scope for path in matching or paths for scope in path if scope)


class _Graph:
    """One subgraph, with the file's stored values and the names of its operators."""

    def __init__(self, graph: Subgraph, buffers: list[Bytes | None], names: list[str]) -> None:
        self._graph = graph
        self._buffers = buffers
        self._names = names
        self._producers = {
            output: operator for operator in graph.operators for output in operator.outputs
        }

    def weights(self) -> Iterator[Weight]:
        """Yield each weight once, in the order of the operators."""
        first_use: dict[int, Operator] = {}
        biases: dict[int, int] = {}
        bias_seen: set[int] = set()
        for operator in self._graph.operators:
            if self._name(operator) not in SOURCE_OPERATIONS:
                continue
            index, bias = self._constant(operator, _WEIGHT), self._constant(operator, _BIAS)
            if index is None:
                continue
            first_use.setdefault(index, operator)
            if bias is not None and bias not in bias_seen:
                bias_seen.add(bias)
                biases[index] = biases.get(index, 0) + self._graph.tensor(bias).size
        for index, operator in first_use.items():
            yield self._weight(index, operator, biases.get(index, 0))

    def _weight(self, index: int, operator: Operator, biases: int) -> Weight:
        tensor, data = self._lookup(index)
        name, operator_name = tensor.name, self._name(operator)
        result = self._graph.tensor(operator.outputs[0]) if operator.outputs else None
        origin = name if "/" in name or result is None else result.name
        return Weight(
            name=name,
            operator=operator_name,
            layers=layer_names(origin, operator_name),
            size=tensor.size,
            zeros=_count_zeros(tensor, data, self._lookup),
            biases=biases,
            dtype=_dtype(tensor),
            computed="" if result is None else _dtype(result),
            unpacked=index not in operator.inputs,
        )

    def _name(self, operator: Operator) -> str:
        if operator.code >= len(self._names):
            raise damaged(f"operator code {operator.code} of {len(self._names)}")
        return self._names[operator.code]

    def _constant(self, operator: Operator, position: int) -> int | None:
        """Return the stored tensor behind an input; None where it is absent or computed."""
        for _ in range(len(self._graph.operators) + 1):
            inputs = operator.inputs
            if len(inputs) <= position or inputs[position] == _ABSENT:
                return None
            index = inputs[position]
            if self._data(self._graph.tensor(index)) is not None:
                return index
            producer = self._producers.get(index)
            if producer is None or self._name(producer) not in _UNPACKING:
                return None
            operator, position = producer, 0
        raise damaged(f"{self._graph.tensor(index)} is computed from itself")

    def _lookup(self, index: int) -> tuple[Tensor, Bytes]:
        tensor = self._graph.tensor(index)
        data = self._data(tensor)
        if data is None:
            raise damaged(f"{tensor} has no data")
        return tensor, data

    def _data(self, tensor: Tensor) -> Bytes | None:
        if tensor.buffer >= len(self._buffers):
            raise damaged(f"buffer {tensor.buffer} of {len(self._buffers)}")
        return self._buffers[tensor.buffer]


def _dtype(tensor: Tensor) -> str:
    return _TYPE_NAMES.get(tensor.type, "unknown").lower()


def _count_zeros(tensor: Tensor, data: Bytes, lookup: Lookup) -> int:
    """Count the zeros of a tensor whose buffer holds `data`.

    `lookup` returns another tensor of the subgraph with its data: where quantisation is by blocks
    the scales are a tensor. Raises ValueError, naming the tensor, where the data does not fit the
    shape or is stored in a way that has no known meaning here.
    """
    values = _stored(tensor, data)
    is_float = np.issubdtype(values.dtype, np.floating)
    if tensor.is_sparse:
        # A sparse tensor stores what is not zero, and the zeros that share a block with it.
        if not is_float and np.any(_zero_points(tensor)):
            raise ValueError(f"{tensor} is both sparse and asymmetric: not supported")
        return tensor.size - int(np.count_nonzero(values))
    if is_float:
        return tensor.size - int(np.count_nonzero(values))
    return int(np.count_nonzero(_is_zero(tensor, values, lookup)))


def _unpack_integers(data: Bytes, bits: int, *, signed: bool) -> npt.NDArray[np.int8]:
    """Return the 2- or 4-bit integers in bytes, the lowest bits first, as LiteRT packs them."""
    shifts = np.arange(0, 8, bits, dtype=np.uint8)
    fields = ((data[:, np.newaxis] >> shifts) & ((1 << bits) - 1)).astype(np.int8).ravel()
    sign = np.int8(1 << bits - 1)
    return np.asarray((fields ^ sign) - sign if signed else fields, np.int8)


def _stored(tensor: Tensor, data: Bytes) -> Array:
    """Return the stored numbers, flat; of a sparse tensor only those that are stored."""
    size, sparse = tensor.size, tensor.is_sparse
    kind = _TYPE_NAMES.get(tensor.type, str(tensor.type))
    if kind in _PACKED_BITS and not sparse:
        bits = _PACKED_BITS[kind]
        if len(data) == math.ceil(size * bits / 8):
            return _unpack_integers(data, bits, signed=kind.startswith("INT"))[:size]
    elif kind in _DTYPES:
        width = np.dtype(_DTYPES[kind]).itemsize
        if len(data) % width == 0 and (sparse or len(data) == size * width):
            return data.view(_DTYPES[kind])
    else:
        how = f"{'sparse ' if sparse else ''}{kind}"
        raise ValueError(f"{tensor} is stored as {how}: not supported")
    raise damaged(f"{tensor} has {len(data)} bytes for {size} values of {kind}")


def _is_zero(tensor: Tensor, values: Array, lookup: Lookup) -> npt.NDArray[np.bool_]:
    """Compare integers with their zero points; a scale of 0 makes all its values 0."""
    blocks = tensor.blocks
    if blocks is not None:
        scales = _stored(*lookup(blocks.scales))
        if len(scales) * blocks.size != len(values):
            raise damaged(f"{tensor} has {len(scales)} blocks of {blocks.size}")
        return np.asarray((values == 0) | (np.repeat(scales, blocks.size) == 0))
    if len(tensor.scales) == 0:
        raise ValueError(f"{tensor} holds integers without a scale: not supported")
    points = _per_channel(tensor, _zero_points(tensor))
    scales = _per_channel(tensor, tensor.scales)
    return np.asarray((values.reshape(tensor.shape) == points) | (scales == 0))


def _zero_points(tensor: Tensor) -> Array:
    points = tensor.zero_points
    return points if len(points) else np.zeros(1, np.int64)


def _per_channel(tensor: Tensor, parameters: Array) -> Array:
    """Shape scales or zero points, one or one a channel, so that they broadcast to the values."""
    axis, shape = tensor.channel_axis, tensor.shape
    if parameters.size == 1:
        return parameters
    if not 0 <= axis < len(shape) or parameters.size != shape[axis]:
        raise damaged(f"{tensor} has {parameters.size} channels in the shape {shape}")
    return parameters.reshape([-1 if dimension == axis else 1 for dimension in range(len(shape))])
