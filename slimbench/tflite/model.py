"""A `.tflite` file as its flatbuffer describes it: subgraphs, operators, tensors, stored values.

Fields are read with bounds checks, and values are views into the mapped file. The numbers of the
fields are those of TensorFlow Lite's `schema.fbs`, version 3; its generated code
(`ai_edge_litert.schema_py_generated`) checks no bounds and takes long to import.
"""

from __future__ import annotations

import math
import mmap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from slimbench.tflite.flatbuffer import Content, Table, damaged, root

IDENTIFIER = b"TFL3"
"""The file identifier of TensorFlow Lite models."""

FLOAT32 = 0
"""The type of a tensor of floats, in the schema's enumeration."""

Array = npt.NDArray[Any]
Bytes = npt.NDArray[np.uint8]

# Field numbers, by table.
VERSION, OPERATOR_CODES, SUBGRAPHS, BUFFERS, METADATA, SIGNATURES = 0, 1, 2, 4, 6, 7
MODEL_FIELDS = 10
_METADATA_NAME, _METADATA_BUFFER = range(2)
BUFFER_DATA, BUFFER_OFFSET, _BUFFER_SIZE = range(3)
OPERATORS, LARGE_OPTIONS_OFFSET = 3, 9
_TENSORS, _GRAPH_INPUTS, _GRAPH_OUTPUTS = range(3)
_CODE, _OPERATOR_INPUTS, _OPERATOR_OUTPUTS = range(3)
_DEPRECATED_BUILTIN, _BUILTIN = 0, 3
_SHAPE, _TYPE, _BUFFER, _NAME, _QUANTIZATION, _SPARSITY = 0, 1, 2, 3, 4, 6
_SCALES, _ZERO_POINTS, _DETAILS_TYPE, _DETAILS, _AXIS = 2, 3, 4, 5, 6
_BLOCK_SCALES, _BLOCK_ZERO_POINTS, _BLOCK_SIZE = range(3)

_BLOCKWISE = 2
"""Of the kinds of details of a quantisation."""

_MOST_ENTRIES = 4096
"""Of metadata: files have two or three."""

_MOST_DIMENSIONS = 64
"""As many as numpy's arrays have."""

_IDENTIFIER_END = 8


@dataclass(frozen=True, slots=True)
class Blocks:
    """Quantisation in blocks along the last axis: the tensor with their scales, and their size."""

    scales: int
    size: int


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor; reading a field raises ValueError where it is damaged."""

    table: Table

    def __str__(self) -> str:
        return f"the tensor {self.name!r}"

    @property
    def name(self) -> str:
        """Its name, '' where it has none."""
        return (self.table.data(_NAME) or b"").decode(errors="replace")

    @property
    def shape(self) -> tuple[int, ...]:
        """Its shape, () for a scalar; an open size is 1."""
        lengths = self.table.array(_SHAPE, "<i4")
        if len(lengths) > _MOST_DIMENSIONS:
            raise damaged(f"{self} has {len(lengths)} dimensions")
        shape = tuple(lengths.tolist())
        if any(length < 0 for length in shape):
            raise damaged(f"{self} has the shape {shape}")
        return shape

    @property
    def size(self) -> int:
        """The number of its values."""
        return math.prod(self.shape)

    @property
    def type(self) -> int:
        """Of its values, in the schema's enumeration."""
        kind: int = self.table.number(_TYPE, "b")
        return kind

    @property
    def buffer(self) -> int:
        """Which buffer holds its values, where they are stored."""
        index: int = self.table.number(_BUFFER, "I")
        return index

    @property
    def is_sparse(self) -> bool:
        """Whether only some of its values are stored."""
        return self.table.target(_SPARSITY) is not None

    @property
    def scales(self) -> Array:
        """Float32, one or one a channel; empty where it is not quantised so."""
        return self._parameters(_SCALES, "<f4")

    @property
    def zero_points(self) -> Array:
        """Int64, one or one a channel; empty where there are none."""
        return self._parameters(_ZERO_POINTS, "<i8")

    @property
    def channel_axis(self) -> int:
        """The axis along which scales and zero points differ."""
        quantization = self.table.table(_QUANTIZATION)
        axis: int = 0 if quantization is None else quantization.number(_AXIS, "i")
        return axis

    @property
    def blocks(self) -> Blocks | None:
        """How it is quantised in blocks, None where it is not; others raise ValueError."""
        quantization = self.table.table(_QUANTIZATION)
        details = None if quantization is None else quantization.table(_DETAILS)
        if quantization is None or details is None:
            return None
        blockwise = quantization.number(_DETAILS_TYPE, "B") == _BLOCKWISE
        if not blockwise or details.number(_BLOCK_ZERO_POINTS, "i") >= 0:
            raise ValueError(f"{self} is quantised in a way that is not supported")
        return Blocks(details.number(_BLOCK_SCALES, "i"), details.number(_BLOCK_SIZE, "i"))

    def _parameters(self, number: int, code: str) -> Array:
        quantization = self.table.table(_QUANTIZATION)
        return np.zeros(0, code) if quantization is None else quantization.array(number, code)


@dataclass(frozen=True, slots=True)
class Operator:
    """An operator: which of the model's operator codes it has, and the tensors it reads and writes.

    -1 stands for an optional input that is left out.
    """

    code: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Subgraph:
    """A subgraph; inputs and outputs are indices of tensors."""

    tensors: tuple[Tensor, ...]
    operators: tuple[Operator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]

    def tensor(self, index: int) -> Tensor:
        """Return a tensor; raises ValueError where there is none of this index."""
        if not 0 <= index < len(self.tensors):
            raise damaged(f"tensor {index} of {len(self.tensors)}")
        return self.tensors[index]


@dataclass(frozen=True, slots=True)
class Buffer:
    """Stored values, inside the flatbuffer or, as those of files above 2 GB must, behind it."""

    table: Table

    @property
    def lies_behind(self) -> bool:
        """Whether its values lie behind the flatbuffer."""
        inside = self.table.vector(BUFFER_DATA, 1) or (0, 0)
        # 1 is a placeholder of writers, not an offset.
        return inside[1] == 0 and self.table.number(BUFFER_OFFSET, "Q") > 1

    @property
    def values(self) -> Bytes | None:
        """Their bytes, None where there are none; raises ValueError where the file lacks some."""
        if not self.lies_behind:
            inside = self.table.array(BUFFER_DATA, "u1")
            return inside if len(inside) else None
        start, size = self.table.number(BUFFER_OFFSET, "Q"), self.table.number(_BUFFER_SIZE, "Q")
        if start + size > len(self.table.content):
            raise damaged(f"a buffer ends at byte {start + size} of {len(self.table.content)}")
        return np.frombuffer(self.table.content, np.uint8, size, start)


@dataclass(frozen=True, slots=True)
class Model:
    """A model's root table; reading from it raises ValueError where the file is damaged."""

    root: Table

    @property
    def operator_codes(self) -> tuple[int, ...]:
        """The built-in operators used, as numbers of the schema's enumeration.

        Old files fill only the deprecated byte, new ones both; the larger is the operator.
        """
        return tuple(
            max(code.number(_BUILTIN, "i"), code.number(_DEPRECATED_BUILTIN, "b"))
            for code in self.root.tables(OPERATOR_CODES)
        )

    @property
    def subgraphs(self) -> Iterator[Subgraph]:
        """Its subgraphs, the main one first."""
        return map(_subgraph, self.root.tables(SUBGRAPHS))

    @property
    def main(self) -> Subgraph:
        """The subgraph that an invocation runs."""
        graph = next(self.subgraphs, None)
        if graph is None:
            raise damaged("it has no subgraph")
        return graph

    @property
    def buffers(self) -> tuple[Buffer, ...]:
        """What its tensors' values are stored in, and its metadata."""
        return tuple(map(Buffer, self.root.tables(BUFFERS)))

    def metadata(self, name: str) -> bytes | None:
        """Return the metadata of this name, None where there is none."""
        count = (self.root.vector(METADATA, 4) or (0, 0))[1]
        if count > _MOST_ENTRIES:
            raise damaged(f"it lists {count} entries of metadata")
        for entry in self.root.tables(METADATA):
            if entry.data(_METADATA_NAME) == name.encode():
                return self._metadata(entry.number(_METADATA_BUFFER, "I"))
        return None

    def _metadata(self, index: int) -> bytes:
        buffers = self.buffers
        if index >= len(buffers):
            raise damaged(f"it names buffer {index} of {len(buffers)}")
        values = buffers[index].values
        if values is None:
            raise damaged(f"its buffer {index} is empty")
        return values.tobytes()


def read_model(content: Content) -> Model:
    """Return the model of a `.tflite` file's content; ValueError where it is none."""
    return Model(root(content, IDENTIFIER))


def open_model(path: Path) -> Model:
    """Return the model in a `.tflite` file, which is mapped as long as it is used.

    Raises:
        ValueError: It is no TensorFlow Lite model.
        OSError: It cannot be read.
    """
    with path.open("rb") as file:
        start = file.read(_IDENTIFIER_END)
        if start[4:] != IDENTIFIER:
            what = "no TensorFlow Lite model (no TFL3 mark)" if start else "empty (no TFL3 mark)"
            raise ValueError(f"it is {what}; name a .tflite file, or build or copy it again")
        return read_model(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


def class_count(path: Path) -> int:
    """Return how many scores a classifier's file gives, by the shape of its first output.

    Raises ValueError where it is no classifier's.
    """
    main = open_model(path).main
    shape = main.tensor(main.outputs[0]).shape if main.outputs else ()
    if not shape:
        raise ValueError("it has no output of scores")
    return shape[-1]


def _subgraph(table: Table) -> Subgraph:
    return Subgraph(
        tensors=tuple(map(Tensor, table.tables(_TENSORS))),
        operators=tuple(
            Operator(
                operator.number(_CODE, "I"),
                _indices(operator, _OPERATOR_INPUTS),
                _indices(operator, _OPERATOR_OUTPUTS),
            )
            for operator in table.tables(OPERATORS)
        ),
        inputs=_indices(table, _GRAPH_INPUTS),
        outputs=_indices(table, _GRAPH_OUTPUTS),
    )


def _indices(table: Table, number: int) -> tuple[int, ...]:
    return tuple(table.array(number, "<i4").tolist())
