"""How many values of a stored tensor are 0 once dequantised, without dequantising it.

Integers are compared with their zero point, which is exact: (value - zero point) * scale cannot
round to 0 where neither factor is 0, since the first is at least 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

Array = npt.NDArray[Any]
Bytes = npt.NDArray[np.uint8]
Lookup = Callable[[int], tuple[Any, Bytes]]

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


def count_zeros(tensor: Any, data: Bytes, lookup: Lookup) -> int:
    """Count the zeros of a schema `TensorT` whose buffer holds `data`.

    `lookup` returns another tensor of the subgraph with its data: where quantisation is by blocks
    the scales are a tensor. Raises ValueError, naming the tensor, where the data does not fit the
    shape or is stored in a way that has no known meaning here.
    """
    size = math.prod(shape_of(tensor))
    values = _stored(tensor, data)
    is_float = np.issubdtype(values.dtype, np.floating)
    if tensor.sparsity is not None:
        # A sparse tensor stores what is not zero, and the zeros that share a block with it.
        if not is_float and np.any(_zero_points(tensor)):
            raise ValueError(f"{label(tensor)} is both sparse and asymmetric: not supported.")
        return size - int(np.count_nonzero(values))
    if is_float:
        return size - int(np.count_nonzero(values))
    return int(np.count_nonzero(_is_zero(tensor, values, lookup)))


def unpack(data: Bytes, bits: int, *, signed: bool) -> npt.NDArray[np.int8]:
    """Return the 2- or 4-bit integers in bytes, the lowest bits first, as LiteRT packs them."""
    shifts = np.arange(0, 8, bits, dtype=np.uint8)
    fields = ((data[:, np.newaxis] >> shifts) & ((1 << bits) - 1)).astype(np.int8).ravel()
    sign = np.int8(1 << bits - 1)
    return np.asarray((fields ^ sign) - sign if signed else fields, np.int8)


def shape_of(tensor: Any) -> tuple[int, ...]:
    """Return a tensor's shape, () for a scalar; raises ValueError where it cannot be one."""
    shape = tuple(int(length) for length in (() if tensor.shape is None else tensor.shape))
    if any(length < 0 for length in shape):
        raise damaged(f"{label(tensor)} has the shape {shape}")
    return shape


def name_of(tensor: Any) -> str:
    """Return a tensor's name."""
    return bytes(tensor.name or b"").decode(errors="replace")


def label(tensor: Any) -> str:
    """Name a tensor, to begin a sentence about it."""
    return f"the tensor {name_of(tensor)!r}"


def damaged(detail: str) -> ValueError:
    """Return the error of a file that contradicts itself."""
    return ValueError(f"the file is cut short or damaged ({detail}); build or copy it again.")


def _stored(tensor: Any, data: Bytes) -> Array:
    """Return the stored numbers, flat; of a sparse tensor only those that are stored."""
    size, sparse = math.prod(shape_of(tensor)), tensor.sparsity is not None
    kind = _TYPE_NAMES.get(tensor.type, str(tensor.type))
    if kind in _PACKED_BITS and not sparse:
        bits = _PACKED_BITS[kind]
        if len(data) == math.ceil(size * bits / 8):
            return unpack(data, bits, signed=kind.startswith("INT"))[:size]
    elif kind in _DTYPES:
        width = np.dtype(_DTYPES[kind]).itemsize
        if len(data) % width == 0 and (sparse or len(data) == size * width):
            return data.view(_DTYPES[kind])
    else:
        how = f"{'sparse ' if sparse else ''}{kind}"
        raise ValueError(f"{label(tensor)} is stored as {how}: not supported.")
    raise damaged(f"{label(tensor)} has {len(data)} bytes for {size} values of {kind}")


def _is_zero(tensor: Any, values: Array, lookup: Lookup) -> npt.NDArray[np.bool_]:
    """Compare integers with their zero points; a scale of 0 makes all its values 0."""
    quantization = tensor.quantization
    if quantization is not None and quantization.details is not None:
        return np.asarray((values == 0) | (_block_scales(tensor, len(values), lookup) == 0))
    if quantization is None or quantization.scale is None or len(quantization.scale) == 0:
        raise ValueError(f"{label(tensor)} holds integers without a scale: not supported.")
    points = _per_channel(tensor, _zero_points(tensor))
    scales = _per_channel(tensor, quantization.scale)
    return np.asarray((values.reshape(shape_of(tensor)) == points) | (scales == 0))


def _zero_points(tensor: Any) -> Array:
    points = None if tensor.quantization is None else tensor.quantization.zeroPoint
    return np.zeros(1, np.int64) if points is None or len(points) == 0 else np.asarray(points)


def _per_channel(tensor: Any, parameters: Iterable[float]) -> Array:
    """Shape scales or zero points, one or one a channel, so that they broadcast to the values."""
    array, shape = np.asarray(parameters), shape_of(tensor)
    axis = tensor.quantization.quantizedDimension
    if array.size == 1:
        return array
    if not 0 <= axis < len(shape) or array.size != shape[axis]:
        raise damaged(f"{label(tensor)} has {array.size} channels in the shape {shape}")
    return array.reshape([-1 if dimension == axis else 1 for dimension in range(len(shape))])


def _block_scales(tensor: Any, size: int, lookup: Lookup) -> Array:
    """Return one scale a value, for a tensor quantised in blocks along its last axis."""
    blocks = tensor.quantization.details
    if not isinstance(blocks, schema.BlockwiseQuantizationT) or blocks.zeroPoints >= 0:
        raise ValueError(f"{label(tensor)} is quantised in a way that is not supported.")
    scales = _stored(*lookup(blocks.scales))
    if len(scales) * blocks.blockSize != size:
        raise damaged(f"{label(tensor)} has {len(scales)} blocks of {blocks.blockSize}")
    return np.repeat(scales, blocks.blockSize)
