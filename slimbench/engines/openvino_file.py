"""A `.tflite` file as OpenVINO can read it.

OpenVINO looks for stored values inside the flatbuffer only. LiteRT's quantiser puts them behind
it, as files above 2 GB must; read as it is, such a file seems to use tensors that nothing makes.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from slimbench.tflite.edit import with_values_inside
from slimbench.tflite.model import Tensor, open_model


@dataclass(frozen=True, slots=True)
class Readable:
    """A file to hand to OpenVINO, and the model's inputs and outputs, in order."""

    path: Path
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]


@contextlib.contextmanager
def readable(path: Path) -> Iterator[Readable]:
    """Yield the file itself, or a copy with its values inside, which is gone afterwards.

    Raises ValueError where it is no whole TensorFlow Lite file.
    """
    model = open_model(path)
    main = model.main
    inputs, outputs = (tuple(map(main.tensor, ends)) for ends in (main.inputs, main.outputs))
    if not any(buffer.lies_behind for buffer in model.buffers):
        yield Readable(path, inputs, outputs)
        return
    with tempfile.TemporaryDirectory(prefix="slimbench-") as folder:
        copy = Path(folder) / path.name
        copy.write_bytes(with_values_inside(path.read_bytes()))
        yield Readable(copy, inputs, outputs)
