"""A `.tflite` file as OpenVINO can read it.

OpenVINO looks for stored values inside the flatbuffer only. LiteRT's quantiser puts them behind
it, as files above 2 GB must; read as it is, such a file seems to use tensors that nothing makes.
"""

from __future__ import annotations

import contextlib
import importlib
import mmap
import struct
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from slimbench.engines.tensors import Array

IDENTIFIER = b"TFL3"


@dataclass(frozen=True, slots=True)
class Stored:
    """A tensor's name, and its scales and zero points as the file has them."""

    name: str
    scales: Array
    zero_points: Array


@dataclass(frozen=True, slots=True)
class Readable:
    """A file to hand to OpenVINO, and the model's inputs and outputs, in order."""

    path: Path
    inputs: tuple[Stored, ...]
    outputs: tuple[Stored, ...]


@contextlib.contextmanager
def readable(path: Path) -> Iterator[Readable]:
    """Yield the file itself, or a copy with its values inside, which is gone afterwards.

    Raises ValueError where it is no whole TensorFlow Lite file.
    """
    # Imported here: it is slow, and this file is imported wherever engines are listed.
    flatbuffers = importlib.import_module("flatbuffers")
    schema = importlib.import_module("ai_edge_litert.schema_py_generated")
    with contextlib.ExitStack() as stack:
        content = stack.enter_context(_mapped(path))
        try:
            model = schema.ModelT.InitFromPackedBuf(content, 0)
            graph = model.subgraphs[0]
            inputs = tuple(_stored(graph.tensors[index]) for index in graph.inputs)
            outputs = tuple(_stored(graph.tensors[index]) for index in graph.outputs)
            inside = _take_in(model, content)
        except (struct.error, ValueError, IndexError, TypeError, OverflowError) as error:
            raise ValueError(f"it is damaged ({error}); build or copy it again") from error
        if inside:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="slimbench-")))
            path = folder / path.name
            builder = flatbuffers.Builder(len(content))
            builder.Finish(model.Pack(builder), file_identifier=IDENTIFIER)
            path.write_bytes(builder.Output())
        del model, graph
        yield Readable(path, inputs, outputs)


@contextlib.contextmanager
def _mapped(path: Path) -> Iterator[mmap.mmap]:
    with path.open("rb") as file:
        if file.read(8)[4:] != IDENTIFIER:
            raise ValueError("it is no TensorFlow Lite model (it has no TFL3 mark)")
        # Not closed: arrays that look into it may outlive this, and closing would raise then.
        yield mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _take_in(model: Any, content: mmap.mmap) -> bool:
    """Point the model's buffers at what lies behind it; tells whether there was anything."""
    outside = [buffer for buffer in model.buffers or () if buffer.offset > 1]
    for buffer in outside:
        if buffer.offset + buffer.size > len(content):
            raise ValueError(f"a buffer ends at byte {buffer.offset + buffer.size}")
        buffer.data = np.frombuffer(content, np.uint8, buffer.size, buffer.offset)
        buffer.offset = buffer.size = 0
    return bool(outside)


def _stored(tensor: Any) -> Stored:
    parameters = tensor.quantization
    scales = None if parameters is None else parameters.scale
    zero_points = None if parameters is None else parameters.zeroPoint
    name = tensor.name.decode(errors="replace") if isinstance(tensor.name, bytes) else tensor.name
    return Stored(
        name=name or "",
        scales=np.zeros(0) if scales is None else np.asarray(scales),
        zero_points=np.zeros(0, np.int64) if zero_points is None else np.asarray(zero_points),
    )
