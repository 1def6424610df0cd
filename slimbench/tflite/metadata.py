"""Labels and preprocessing inside a `.tflite` file, as TensorFlow Lite Metadata has them.

That is a flatbuffer of its own in one of the model's buffers, with its files (`labels.txt`)
behind the model as a zip archive.
"""

from __future__ import annotations

import contextlib
import lzma
import mmap
import struct
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from slimbench.atomic_write import replacing
from slimbench.spec import PixelMode
from slimbench.tflite import metadata_flatbuffer
from slimbench.tflite.buffer import add_buffer, buffer_data, metadata_index
from slimbench.tflite.file import IDENTIFIER
from slimbench.tflite.flatbuffer_table import Table, root
from slimbench.tflite.metadata_flatbuffer import Description

BUFFER_NAME = "TFLITE_METADATA"
LABELS_FILE = "labels.txt"

_LARGEST_LABELS = 64 * 2**20
"""Bytes of a label file; one that unpacks to more was not made to be read."""

_GRAPHS, _GRAPH_INPUTS, _GRAPH_OUTPUTS = 2, 1, 2
"""Field numbers of the schema of TensorFlow Lite."""

_NORMALIZATIONS: Mapping[PixelMode, tuple[float, float]] = {
    "raw": (0.0, 1.0),
    "0..1": (0.0, 255.0),
    "-1..1": (127.5, 127.5),
}
"""(mean, std) of the pixel modes that a normalisation can express: `caffe` swaps channels too."""

_ONE_STEP = 1.0
"""Files in the wild write 127 or 128 for 127.5."""

_ZIP_TIME = (1980, 1, 1, 0, 0, 0)
"""The earliest that zip archives know, so that the same model gives the same file."""

_NOT_UNPACKED = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    KeyError,
    OSError,
    OverflowError,
    RuntimeError,  # encrypted, or packed in a way that Python lacks
    ValueError,
)
"""What `zipfile` raises where an archive is damaged."""


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a file says of itself; None where it does not say.

    `labels` are in the order of the scores. A pixel 0-255 becomes (pixel - mean) / std before
    the input is quantised, if it is; one value is for all channels. `channels` is 3 for RGB, 1
    for grey.
    """

    name: str | None = None
    description: str | None = None
    version: str | None = None
    author: str | None = None
    licence: str | None = None
    labels: tuple[str, ...] | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    channels: int | None = None

    @property
    def pixels(self) -> PixelMode | None:
        """The pixel mode that the normalisation amounts to; None for none, and any other."""
        if not self.mean or not self.std:
            return None
        for mode, (mean, std) in _NORMALIZATIONS.items():
            near = _ONE_STEP if mean else 0.0
            means = all(abs(value - mean) <= near for value in self.mean)
            if means and all(abs(value - std) <= near for value in self.std):
                return mode
        return None


def normalization(pixels: PixelMode) -> tuple[tuple[float, ...], tuple[float, ...]] | None:
    """Return (mean, std) of a pixel mode; None where no normalisation expresses it."""
    found = _NORMALIZATIONS.get(pixels)
    return None if found is None else ((found[0],), (found[1],))


def read_metadata(path: Path) -> Metadata | None:
    """Return what a `.tflite` file says of itself, None where it holds no metadata.

    Raises:
        ValueError: It is no TensorFlow Lite model, or its metadata is damaged; names the file.
        OSError: It cannot be read.
    """
    try:
        packed = _packed(path)
        if packed is None:
            return None
        said = metadata_flatbuffer.unpack(packed)
        labels = None if said.labels_file is None else _labels(path, said.labels_file)
    except ValueError as error:
        raise ValueError(f"The metadata of {path} cannot be read: {error}.") from error
    return Metadata(
        name=said.name,
        description=said.description,
        version=said.version,
        author=said.author,
        licence=said.licence,
        labels=labels,
        mean=said.mean,
        std=said.std,
        channels=said.channels,
    )


def write_metadata(source: Path, target: Path, metadata: Metadata) -> None:
    """Write `source` with metadata to `target`, whole or not at all; the model stays as it is.

    Raises:
        ValueError: `source` is no classifier's file or has metadata already, or `metadata`
            cannot be written.
        OSError: A file cannot be read or written.
    """
    model = source.read_bytes()
    try:
        labels = None if metadata.labels is None else _label_file(metadata.labels)
        said = Description(
            name=metadata.name,
            description=metadata.description,
            version=metadata.version,
            author=metadata.author,
            licence=metadata.licence,
            labels_file=None if labels is None else LABELS_FILE,
            mean=metadata.mean,
            std=metadata.std,
            channels=metadata.channels,
        )
        _check_classifier(root(model, IDENTIFIER))
        content = add_buffer(model, BUFFER_NAME, metadata_flatbuffer.pack(said))
    except ValueError as error:
        raise ValueError(f"{source} cannot be given metadata: {error}.") from error
    with replacing(target) as partial:
        partial.write_bytes(content)
        if labels is not None:
            # Stored, not packed: readers on phones map it as it is.
            with zipfile.ZipFile(partial, "a", zipfile.ZIP_STORED) as archive:
                archive.writestr(zipfile.ZipInfo(LABELS_FILE, _ZIP_TIME), labels)


def _check_classifier(model: Table) -> None:
    """The metadata describes one image and its scores; refuse a model of another form."""
    graph = next(model.tables(_GRAPHS), None)
    for number, what in ((_GRAPH_INPUTS, "inputs"), (_GRAPH_OUTPUTS, "outputs")):
        count = 0 if graph is None else (graph.vector(number, 4) or (0, 0))[1]
        if count != 1:
            raise ValueError(f"it has {count} {what}, an image classifier has one")


def _label_file(labels: Sequence[str]) -> bytes:
    for position, label in enumerate(labels):
        if label.splitlines() != [label]:
            raise ValueError(f"label {position}, {label!r}, is not a line of text")
    return "".join(f"{label}\n" for label in labels).encode("utf-8")


def _packed(path: Path) -> bytes | None:
    with path.open("rb") as file:
        if file.read(8)[4:] != IDENTIFIER:
            raise ValueError("it is no TensorFlow Lite model (no TFL3 mark)")
        with contextlib.closing(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)) as mapped:
            model = root(mapped, IDENTIFIER)
            index = metadata_index(model, BUFFER_NAME)
            return None if index is None else buffer_data(model, index)


def _labels(path: Path, name: str) -> tuple[str, ...]:
    try:
        with zipfile.ZipFile(path) as archive, archive.open(name) as file:
            text = file.read(_LARGEST_LABELS + 1)
    except _NOT_UNPACKED as error:
        raise ValueError(f"its file {name!r} cannot be unpacked ({error})") from error
    if len(text) > _LARGEST_LABELS:
        raise ValueError(f"its file {name!r} is larger than {_LARGEST_LABELS // 2**20} MiB")
    lines = text.decode("utf-8-sig").replace("\r\n", "\n").removesuffix("\n")
    return tuple(lines.split("\n")) if lines else ()
