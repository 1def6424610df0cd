"""How many classes a `.tflite` file tells apart; on its own, since servers start with it."""

from __future__ import annotations

import contextlib
import mmap
from pathlib import Path
from typing import Any

from ai_edge_litert import schema_py_generated as schema


def class_count(model: Path) -> int:
    """Return how many scores a classifier's file gives, by the shape of its only output."""
    with (
        model.open("rb") as file,
        contextlib.closing(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)) as content,
    ):
        graph: Any = schema.Model.GetRootAs(content, 0).Subgraphs(0)
        output = graph.Tensors(graph.Outputs(0))
        return int(output.Shape(output.ShapeLength() - 1))
