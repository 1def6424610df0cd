"""Changes to small `.tflite` files that make of them what users also bring."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tests.tflite.tflite_builder import packed


def edited(path: Path, change: Callable[[Any], None]) -> Path:
    """Change a file's flatbuffer, given as the schema's `ModelT`."""
    model = schema.ModelT.InitFromPackedBuf(path.read_bytes(), 0)
    change(model)
    path.write_bytes(packed(model))
    return path


def open_size(*signature: int) -> Callable[[Any], None]:
    """Say of the input that these sizes (-1) are not fixed."""

    def change(model: Any) -> None:
        graph = model.subgraphs[0]
        graph.tensors[graph.inputs[0]].shapeSignature = np.array(signature, np.int32)

    return change


def unknown_operator(model: Any) -> None:
    """Have the first operator be one of a library's own."""
    model.operatorCodes[0].builtinCode = schema.BuiltinOperator.CUSTOM
    model.operatorCodes[0].deprecatedBuiltinCode = schema.BuiltinOperator.CUSTOM
    model.operatorCodes[0].customCode = "EdgeDetectorFromNowhere"


def values_behind(path: Path) -> Path:
    """Put the stored values behind the flatbuffer, as LiteRT's quantiser does."""
    model = schema.ModelT.InitFromPackedBuf(path.read_bytes(), 0)
    stored = []
    for buffer in model.buffers[1:]:
        if buffer.data is not None and len(buffer.data):
            content = bytes(buffer.data)
            buffer.data, buffer.offset, buffer.size = None, 2, len(content)
            stored.append((buffer, content))
    end = len(packed(model))
    end += -end % 64
    behind = b""
    for buffer, content in stored:
        buffer.offset = end + len(behind)
        behind += content + bytes(-len(content) % 64)
    path.write_bytes(packed(model).ljust(end, b"\0") + behind)
    return path
