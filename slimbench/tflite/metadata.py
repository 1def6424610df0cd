"""Labels and preprocessing inside a `.tflite` file, as TensorFlow Lite Metadata has them.

That is a flatbuffer of its own in one of the model's buffers, with its files (`labels.txt`)
behind the model as a zip archive. No maintained package carries the generated code of its schema,
so the numbers of fields below are those of the public one, `metadata_schema.fbs` of
tensorflow/tflite-support, version 1.1.0.
"""

from __future__ import annotations

import lzma
import math
import struct
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import flatbuffers

from slimbench.atomic_write import replacing
from slimbench.pixels import TORCH_DEVIATIONS, TORCH_MEANS
from slimbench.spec import PixelMode
from slimbench.tflite.edit import add_buffer, write_offsets
from slimbench.tflite.flatbuffer import Table, root
from slimbench.tflite.model import Model, open_model, read_model

BUFFER_NAME = "TFLITE_METADATA"
LABELS_FILE = "labels.txt"

_LARGEST_LABELS = 64 * 2**20
"""Bytes of a label file; one that unpacks to more was not made to be read."""

_METADATA_IDENTIFIER = b"M001"
_PARSER_VERSION = "1.0.0"
"""The oldest version of the schema that has all that is written here."""

# Field numbers of the metadata's schema, by table.
_NAME, _DESCRIPTION, _VERSION, _SUBGRAPHS, _AUTHOR, _LICENCE, _FILES, _PARSER = range(8)
_INPUTS, _OUTPUTS = 2, 3
_CONTENT, _PROCESSING, _TENSOR_FILES = 3, 4, 6
_KIND, _VALUE = 0, 1
_COLOURS = 0
_MEAN, _STD = 0, 1
_FILE_NAME, _FILE_KIND = 0, 2

Floats = tuple[float, ...]

# Values of its enumerations and unions.
_IMAGE = 2
_NORMALIZATION = 1
_AXIS_LABELS = 2
_CHANNELS = {1: 3, 2: 1}
"""Of the colour spaces RGB and grey."""

_NORMALIZATIONS: Mapping[PixelMode, tuple[Floats, Floats]] = {
    "raw": ((0.0,), (1.0,)),
    "0..1": ((0.0,), (255.0,)),
    "-1..1": ((127.5,), (127.5,)),
    "torch": (
        tuple(255 * share for share in TORCH_MEANS),
        tuple(255 * share for share in TORCH_DEVIATIONS),
    ),
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
    mean: Floats | None = None
    std: Floats | None = None
    channels: int | None = None

    @property
    def pixels(self) -> PixelMode | None:
        """The pixel mode that the normalisation amounts to; None for none, and any other."""
        if not self.mean or not self.std:
            return None
        for mode, (mean, std) in _NORMALIZATIONS.items():
            near = _ONE_STEP if any(mean) else 0.0
            if _are_near(self.mean, mean, near) and _are_near(self.std, std, near):
                return mode
        return None


def normalization(pixels: PixelMode) -> tuple[Floats, Floats] | None:
    """Return (mean, std) of a pixel mode; None where no normalisation expresses it."""
    if pixels not in _NORMALIZATIONS:
        return None
    return _NORMALIZATIONS[pixels]


def _are_near(values: Floats, expected: Floats, near: float) -> bool:
    """Tell whether values for all channels, or one for each, are as near as that to others."""
    if len(expected) == 1:
        expected *= len(values)
    return len(values) == len(expected) and all(
        abs(value - other) <= near for value, other in zip(values, expected, strict=True)
    )


def read_metadata(path: Path) -> Metadata | None:
    """Return what a `.tflite` file says of itself, None where it holds no metadata.

    Raises:
        ValueError: It is no TensorFlow Lite model, or its metadata is damaged; names the file.
        OSError: It cannot be read.
    """
    try:
        packed = open_model(path).metadata(BUFFER_NAME)
        if packed is None:
            return None
        metadata, labels_file = unpack(packed)
        labels = None if labels_file is None else _labels(path, labels_file)
    except ValueError as error:
        raise ValueError(f"The metadata of {path} cannot be read: {error}.") from error
    return replace(metadata, labels=labels)


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
        _check_classifier(read_model(model))
        packed = pack(metadata, None if labels is None else LABELS_FILE)
        content = add_buffer(model, BUFFER_NAME, packed)
        with replacing(target) as partial:
            partial.write_bytes(content)
            if labels is not None:
                _append_labels(partial, labels)
    except ValueError as error:
        raise ValueError(f"{source} cannot be given metadata: {error}.") from error


def _append_labels(path: Path, labels: bytes) -> None:
    """Append a zip archive, or add to the one that is there already."""
    try:
        # Stored, not packed: readers on phones map it as it is.
        with zipfile.ZipFile(path, "a", zipfile.ZIP_STORED) as archive:
            if LABELS_FILE in archive.namelist():
                raise ValueError(f"it has a file {LABELS_FILE} already")
            archive.writestr(zipfile.ZipInfo(LABELS_FILE, _ZIP_TIME), labels)
    except NotImplementedError as error:
        raise ValueError(f"the archive behind it cannot be added to ({error})") from error


def _check_classifier(model: Model) -> None:
    """The metadata describes one image and its scores; refuse a model of another form."""
    main = model.main
    for tensors, what in ((main.inputs, "inputs"), (main.outputs, "outputs")):
        if len(tensors) != 1:
            raise ValueError(f"it has {len(tensors)} {what}, an image classifier has one")


def _label_file(labels: Sequence[str]) -> bytes:
    for position, label in enumerate(labels):
        if label.splitlines() != [label]:
            raise ValueError(f"label {position}, {label!r}, is not a line of text")
    return "".join(f"{label}\n" for label in labels).encode("utf-8")


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


def pack(metadata: Metadata, labels_file: str | None) -> bytes:
    """Return metadata as a flatbuffer that names a file with the labels, but lists none itself.

    Raises ValueError for a normalisation that cannot be applied.
    """
    builder = flatbuffers.Builder(1024)
    colours = next((key for key, count in _CHANNELS.items() if count == metadata.channels), 0)
    properties = _table(builder, 2, small={_COLOURS: colours})
    image = {
        _NAME: builder.CreateString("image"),
        _CONTENT: _table(builder, 3, {_VALUE: properties}, {_KIND: _IMAGE}),
    }
    if metadata.mean is not None and metadata.std is not None:
        _check(metadata.mean, metadata.std)
        values = {_MEAN: _floats(builder, metadata.mean), _STD: _floats(builder, metadata.std)}
        options = _table(builder, 2, values)
        unit = _table(builder, 2, {_VALUE: options}, {_KIND: _NORMALIZATION})
        image[_PROCESSING] = write_offsets(builder, [unit])
    score = {_NAME: builder.CreateString("probability")}
    if labels_file is not None:
        name = builder.CreateString(labels_file)
        labels = _table(builder, 4, {_FILE_NAME: name}, {_FILE_KIND: _AXIS_LABELS})
        score[_TENSOR_FILES] = write_offsets(builder, [labels])
    graph = {
        _INPUTS: write_offsets(builder, [_table(builder, 7, image)]),
        _OUTPUTS: write_offsets(builder, [_table(builder, 7, score)]),
    }
    texts = {
        _NAME: metadata.name,
        _DESCRIPTION: metadata.description,
        _VERSION: metadata.version,
        _AUTHOR: metadata.author,
        _LICENCE: metadata.licence,
        _PARSER: _PARSER_VERSION,
    }
    model = {_SUBGRAPHS: write_offsets(builder, [_table(builder, 7, graph)])}
    model |= {
        number: builder.CreateString(text) for number, text in texts.items() if text is not None
    }
    builder.Finish(_table(builder, 8, model), file_identifier=_METADATA_IDENTIFIER)
    return bytes(builder.Output())


def unpack(packed: bytes) -> tuple[Metadata, str | None]:
    """Read an untrusted flatbuffer; raises ValueError where it is damaged.

    Returns the metadata without the labels, and the name of the file that lists these.
    """
    model = root(packed, _METADATA_IDENTIFIER)
    graph = next(model.tables(_SUBGRAPHS), None)
    image = None if graph is None else next(graph.tables(_INPUTS), None)
    score = None if graph is None else next(graph.tables(_OUTPUTS), None)
    mean, std = _normalization(image)
    metadata = Metadata(
        name=model.text(_NAME),
        description=model.text(_DESCRIPTION),
        version=model.text(_VERSION),
        author=model.text(_AUTHOR),
        licence=model.text(_LICENCE),
        mean=mean,
        std=std,
        channels=_channels(image),
    )
    return metadata, _labels_file(score)


def _normalization(image: Table | None) -> tuple[Floats | None, Floats | None]:
    for unit in image.tables(_PROCESSING) if image else ():
        options = unit.table(_VALUE)
        if unit.number(_KIND, "B") != _NORMALIZATION or options is None:
            continue
        if options.target(_MEAN) is None or options.target(_STD) is None:
            return None, None
        mean, std = (tuple(options.array(number, "<f4").tolist()) for number in (_MEAN, _STD))
        _check(mean, std)
        return mean, std
    return None, None


def _check(mean: Sequence[float], std: Sequence[float]) -> None:
    finite = all(math.isfinite(value) for value in (*mean, *std))
    if not mean or not std or not finite or min(std) <= 0:
        raise ValueError(f"a normalisation with mean {mean} and std {std} cannot be applied")


def _channels(image: Table | None) -> int | None:
    content = None if image is None else image.table(_CONTENT)
    if content is None or content.number(_KIND, "B") != _IMAGE:
        return None
    properties = content.table(_VALUE)
    return None if properties is None else _CHANNELS.get(properties.number(_COLOURS, "B"))


def _labels_file(score: Table | None) -> str | None:
    for file in score.tables(_TENSOR_FILES) if score else ():
        if file.number(_FILE_KIND, "B") == _AXIS_LABELS:
            return file.text(_FILE_NAME) or None
    return None


def _table(
    builder: flatbuffers.Builder,
    fields: int,
    offsets: Mapping[int, int] | None = None,
    small: Mapping[int, int] | None = None,
) -> int:
    """Write a table of so many fields, those given by number; `small` ones are bytes."""
    builder.StartObject(fields)
    for number, offset in (offsets or {}).items():
        builder.PrependUOffsetTRelativeSlot(number, offset, 0)
    for number, value in (small or {}).items():
        builder.PrependUint8Slot(number, value, 0)
    written: int = builder.EndObject()
    return written


def _floats(builder: flatbuffers.Builder, values: Sequence[float]) -> int:
    builder.StartVector(4, len(values), 4)
    for value in reversed(values):
        builder.PrependFloat32(value)
    written: int = builder.EndVector()
    return written
