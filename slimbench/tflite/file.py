"""What a finished `.tflite` file holds: its weights, their zeros, the layers they came from.

Read from the flatbuffer itself, with neither TensorFlow nor an interpreter, so that the figures
describe the bytes that ship and not the network they were made from.
"""

from __future__ import annotations

import math
import mmap
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from slimbench.tflite.tensor_zeros import Bytes, count_zeros, damaged, label, name_of, shape_of

IDENTIFIER = b"TFL3"

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
    code: name.lower() for name, code in vars(schema.TensorType).items() if isinstance(code, int)
}
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


def weights(path: Path) -> tuple[Weight, ...]:
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
        found: list[Weight] = []
        for subgraph in model.subgraphs or ():
            found.extend(_Graph(content, model.buffers or [], codes, subgraph).weights())
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    return tuple(found)


def layer_names(tensor_name: str, operator: str) -> frozenset[str]:
    """Split a tensor's name into the scopes it came from.

    The converter joins with `;` the names of all that it fused, as in
    `model/bn/FusedBatchNormV3;model/dw/depthwise`. Where some of them name the operator itself
    the others are left out, as they may belong to other layers. The last digits of a name only
    make it unique: `Conv2D1`.
    """
    paths = [part.split("/") for part in tensor_name.split(";") if part]
    own = [path for path in paths if path[-1].startswith(SOURCE_OPERATIONS[operator])]
    return frozenset(scope for path in own or paths for scope in path if scope)


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
        raise damaged(str(error)) from error


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
                biases[index] = biases.get(index, 0) + math.prod(shape_of(self._tensor(bias)))
        for index, operator in first_use.items():
            yield self._weight(index, operator, biases.get(index, 0))

    def _weight(self, index: int, operator: Any, biases: int) -> Weight:
        tensor, data = self._lookup(index)
        name, operator_name = name_of(tensor), self._name(operator)
        outputs = _list(operator.outputs)
        nameless = "/" not in name and outputs
        origin = name_of(self._tensor(outputs[0])) if nameless else name
        return Weight(
            name=name,
            operator=operator_name,
            layers=layer_names(origin, operator_name),
            size=math.prod(shape_of(tensor)),
            zeros=count_zeros(tensor, data, self._lookup),
            biases=biases,
            dtype=_TYPE_NAMES.get(tensor.type, "unknown"),
            computed=_TYPE_NAMES.get(self._tensor(outputs[0]).type, "unknown") if outputs else "",
            unpacked=index not in _list(operator.inputs),
        )

    def _name(self, operator: Any) -> str:
        code: int = operator.opcodeIndex
        if not 0 <= code < len(self._codes):
            raise damaged(f"operator code {code} of {len(self._codes)}")
        return self._codes[code]

    def _tensor(self, index: int) -> Any:
        if not 0 <= index < len(self._tensors):
            raise damaged(f"tensor {index} of {len(self._tensors)}")
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
        raise damaged(f"{label(self._tensor(index))} is computed from itself")

    def _lookup(self, index: int) -> tuple[Any, Bytes]:
        tensor = self._tensor(index)
        data = self._data(tensor)
        if data is None:
            raise damaged(f"{label(tensor)} has no data")
        return tensor, data

    def _data(self, tensor: Any) -> Bytes | None:
        """Return a tensor's bytes, which may lie in the file behind the flatbuffer; else None."""
        if not 0 <= tensor.buffer < len(self._buffers):
            raise damaged(f"buffer {tensor.buffer} of {len(self._buffers)}")
        buffer = self._buffers[tensor.buffer]
        if buffer.offset > 1:
            end = buffer.offset + buffer.size
            if end > len(self._content):
                raise damaged(f"a buffer ends at byte {end} of {len(self._content)}")
            return np.frombuffer(self._content, np.uint8, buffer.size, buffer.offset)
        return None if buffer.data is None or len(buffer.data) == 0 else np.asarray(buffer.data)


def _list(vector: Any) -> list[int]:
    return [] if vector is None else [int(index) for index in vector]
