"""The constant weights of a `.tflite` file: their number, their zeros, the layers they came from.

Read from the flatbuffer itself, with neither TensorFlow nor an interpreter, so that the figures
describe the bytes that ship and not the network they were made from.

Zeros are counted without dequantising: integers are compared with their zero point, which is exact,
since (value - zero point) * scale cannot round to 0 where neither factor is 0 (the first is at
least 1).
"""

from __future__ import annotations

import math
import mmap
import struct
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from slimbench.tflite.flatbuffer import IDENTIFIER

Array = npt.NDArray[Any]
Bytes = npt.NDArray[np.uint8]
Lookup = Callable[[int], tuple[Any, Bytes]]
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
    content = _open(path)
    try:
        model = _parse(content)
        codes = [_operator_name(code) for code in model.operatorCodes or ()]
        counted: list[Weight] = []
        for subgraph in model.subgraphs or ():
            counted.extend(_Graph(content, model.buffers or [], codes, subgraph).weights())
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    return tuple(counted)


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


class _Content(mmap.mmap):
    """A mapped file that does not shorten what reaches beyond its end.

    flatbuffers slices for strings alone; a string is followed by a zero byte, so it ends before
    its file does.
    """

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, slice) and key.stop >= len(self):
            raise IndexError(f"a string ends at byte {key.stop} of {len(self)}")
        return super().__getitem__(key)


def _open(path: Path) -> _Content:
    with path.open("rb") as file:
        start = file.read(8)
        if start[4:] != IDENTIFIER:
            what = "is no TensorFlow Lite model (no TFL3 mark)" if start else "is empty"
            raise ValueError(f"{path} {what}; name a .tflite file, or build or copy it again.")
        return _Content(file.fileno(), 0, access=mmap.ACCESS_READ)


def _parse(content: _Content) -> Any:
    try:
        return schema.ModelT.InitFromPackedBuf(content, 0)
    except (struct.error, ValueError, IndexError, TypeError, OverflowError) as error:
        raise _damaged(str(error)) from error


def _operator_name(code: Any) -> str:
    """Old files fill only the deprecated byte, new ones both; the larger is the operator."""
    return _OPERATOR_NAMES.get(max(code.builtinCode, code.deprecatedBuiltinCode), "UNKNOWN")


class _Graph:
    """One subgraph, with the file's buffers and the names of its operators."""

    def __init__(self, content: _Content, buffers: list[Any], codes: list[str], subgraph: Any):
        self._content = content
        self._buffers = buffers
        self._codes = codes
        self._tensors: list[Any] = subgraph.tensors or []
        self._operators: list[Any] = subgraph.operators or []
        self._producers = {
            output: operator for operator in self._operators for output in _list(operator.outputs)
        }

    def weights(self) -> Iterator[Weight]:
        """Yield each weight once, in the order of the operators."""
        first_use: dict[int, Any] = {}
        biases: dict[int, int] = {}
        bias_seen: set[int] = set()
        for operator in self._operators:
            if self._name(operator) not in SOURCE_OPERATIONS:
                continue
            index, bias = self._constant(operator, _WEIGHT), self._constant(operator, _BIAS)
            if index is None:
                continue
            first_use.setdefault(index, operator)
            if bias is not None and bias not in bias_seen:
                bias_seen.add(bias)
                biases[index] = biases.get(index, 0) + math.prod(_shape(self._tensor(bias)))
        for index, operator in first_use.items():
            yield self._weight(index, operator, biases.get(index, 0))

    def _weight(self, index: int, operator: Any, biases: int) -> Weight:
        tensor, data = self._lookup(index)
        name, operator_name = _tensor_name(tensor), self._name(operator)
        outputs = _list(operator.outputs)
        nameless = "/" not in name and outputs
        origin = _tensor_name(self._tensor(outputs[0])) if nameless else name
        return Weight(
            name=name,
            operator=operator_name,
            layers=layer_names(origin, operator_name),
            size=math.prod(_shape(tensor)),
            zeros=_count_zeros(tensor, data, self._lookup),
            biases=biases,
            dtype=_dtype(tensor),
            computed=_dtype(self._tensor(outputs[0])) if outputs else "",
            unpacked=index not in _list(operator.inputs),
        )

    def _name(self, operator: Any) -> str:
        code: int = operator.opcodeIndex
        if not 0 <= code < len(self._codes):
            raise _damaged(f"operator code {code} of {len(self._codes)}")
        return self._codes[code]

    def _tensor(self, index: int) -> Any:
        if not 0 <= index < len(self._tensors):
            raise _damaged(f"tensor {index} of {len(self._tensors)}")
        return self._tensors[index]

    def _constant(self, operator: Any, position: int) -> int | None:
        """Return the stored tensor behind an input; None where it is absent or computed."""
        for _ in range(len(self._operators) + 1):
            inputs = _list(operator.inputs)
            if len(inputs) <= position or inputs[position] == _ABSENT:
                return None
            index = inputs[position]
            if self._data(self._tensor(index)) is not None:
                return index
            producer = self._producers.get(index)
            if producer is None or self._name(producer) not in _UNPACKING:
                return None
            operator, position = producer, 0
        raise _damaged(f"{_label(self._tensor(index))} is computed from itself")

    def _lookup(self, index: int) -> tuple[Any, Bytes]:
        tensor = self._tensor(index)
        data = self._data(tensor)
        if data is None:
            raise _damaged(f"{_label(tensor)} has no data")
        return tensor, data

    def _data(self, tensor: Any) -> Bytes | None:
        """Return a tensor's bytes, which may lie in the file behind the flatbuffer; else None."""
        if not 0 <= tensor.buffer < len(self._buffers):
            raise _damaged(f"buffer {tensor.buffer} of {len(self._buffers)}")
        buffer = self._buffers[tensor.buffer]
        if buffer.offset > 1:
            end = buffer.offset + buffer.size
            if end > len(self._content):
                raise _damaged(f"a buffer ends at byte {end} of {len(self._content)}")
            return np.frombuffer(self._content, np.uint8, buffer.size, buffer.offset)
        return None if buffer.data is None or len(buffer.data) == 0 else np.asarray(buffer.data)


def _list(vector: Any) -> list[int]:
    return [] if vector is None else [int(index) for index in vector]


def _dtype(tensor: Any) -> str:
    return _TYPE_NAMES.get(tensor.type, "unknown").lower()


def _count_zeros(tensor: Any, data: Bytes, lookup: Lookup) -> int:
    """Count the zeros of a schema `TensorT` whose buffer holds `data`.

    `lookup` returns another tensor of the subgraph with its data: where quantisation is by blocks
    the scales are a tensor. Raises ValueError, naming the tensor, where the data does not fit the
    shape or is stored in a way that has no known meaning here.
    """
    size = math.prod(_shape(tensor))
    values = _stored(tensor, data)
    is_float = np.issubdtype(values.dtype, np.floating)
    if tensor.sparsity is not None:
        # A sparse tensor stores what is not zero, and the zeros that share a block with it.
        if not is_float and np.any(_zero_points(tensor)):
            raise ValueError(f"{_label(tensor)} is both sparse and asymmetric: not supported.")
        return size - int(np.count_nonzero(values))
    if is_float:
        return size - int(np.count_nonzero(values))
    return int(np.count_nonzero(_is_zero(tensor, values, lookup)))


def _unpack_integers(data: Bytes, bits: int, *, signed: bool) -> npt.NDArray[np.int8]:
    """Return the 2- or 4-bit integers in bytes, the lowest bits first, as LiteRT packs them."""
    shifts = np.arange(0, 8, bits, dtype=np.uint8)
    fields = ((data[:, np.newaxis] >> shifts) & ((1 << bits) - 1)).astype(np.int8).ravel()
    sign = np.int8(1 << bits - 1)
    return np.asarray((fields ^ sign) - sign if signed else fields, np.int8)


def _shape(tensor: Any) -> tuple[int, ...]:
    """Return a tensor's shape, () for a scalar; raises ValueError where it cannot be one."""
    shape = tuple(int(length) for length in (() if tensor.shape is None else tensor.shape))
    if any(length < 0 for length in shape):
        raise _damaged(f"{_label(tensor)} has the shape {shape}")
    return shape


def _tensor_name(tensor: Any) -> str:
    """Return a tensor's name."""
    return bytes(tensor.name or b"").decode(errors="replace")


def _label(tensor: Any) -> str:
    """Name a tensor, to begin a sentence about it."""
    return f"the tensor {_tensor_name(tensor)!r}"


def _damaged(detail: str) -> ValueError:
    """Return the error of a file that contradicts itself."""
    return ValueError(f"the file is cut short or damaged ({detail}); build or copy it again.")


def _stored(tensor: Any, data: Bytes) -> Array:
    """Return the stored numbers, flat; of a sparse tensor only those that are stored."""
    size, sparse = math.prod(_shape(tensor)), tensor.sparsity is not None
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
        raise ValueError(f"{_label(tensor)} is stored as {how}: not supported.")
    raise _damaged(f"{_label(tensor)} has {len(data)} bytes for {size} values of {kind}")


def _is_zero(tensor: Any, values: Array, lookup: Lookup) -> npt.NDArray[np.bool_]:
    """Compare integers with their zero points; a scale of 0 makes all its values 0."""
    quantization = tensor.quantization
    if quantization is not None and quantization.details is not None:
        return np.asarray((values == 0) | (_block_scales(tensor, len(values), lookup) == 0))
    if quantization is None or quantization.scale is None or len(quantization.scale) == 0:
        raise ValueError(f"{_label(tensor)} holds integers without a scale: not supported.")
    points = _per_channel(tensor, _zero_points(tensor))
    scales = _per_channel(tensor, quantization.scale)
    return np.asarray((values.reshape(_shape(tensor)) == points) | (scales == 0))


def _zero_points(tensor: Any) -> Array:
    points = None if tensor.quantization is None else tensor.quantization.zeroPoint
    return np.zeros(1, np.int64) if points is None or len(points) == 0 else np.asarray(points)


def _per_channel(tensor: Any, parameters: Iterable[float]) -> Array:
    """Shape scales or zero points, one or one a channel, so that they broadcast to the values."""
    array, shape = np.asarray(parameters), _shape(tensor)
    axis = tensor.quantization.quantizedDimension
    if array.size == 1:
        return array
    if not 0 <= axis < len(shape) or array.size != shape[axis]:
        raise _damaged(f"{_label(tensor)} has {array.size} channels in the shape {shape}")
    return array.reshape([-1 if dimension == axis else 1 for dimension in range(len(shape))])


def _block_scales(tensor: Any, size: int, lookup: Lookup) -> Array:
    """Return one scale a value, for a tensor quantised in blocks along its last axis."""
    blocks = tensor.quantization.details
    if not isinstance(blocks, schema.BlockwiseQuantizationT) or blocks.zeroPoints >= 0:
        raise ValueError(f"{_label(tensor)} is quantised in a way that is not supported.")
    scales = _stored(*lookup(blocks.scales))
    if len(scales) * blocks.blockSize != size:
        raise _damaged(f"{_label(tensor)} has {len(scales)} blocks of {blocks.blockSize}")
    return np.repeat(scales, blocks.blockSize)
