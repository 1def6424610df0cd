"""TensorFlow Lite Metadata as a flatbuffer: what an image classifier needs of it.

No maintained package carries the generated code of its schema, so the numbers below are those of
the public one, `metadata_schema.fbs` of tensorflow/tflite-support, version 1.1.0.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import flatbuffers

from slimbench.tflite.flatbuffer_table import Table, root

_IDENTIFIER = b"M001"
_PARSER_VERSION = "1.0.0"
"""The oldest version of the schema that has all that is written here."""

# Field numbers, by table.
_NAME, _DESCRIPTION, _VERSION, _SUBGRAPHS, _AUTHOR, _LICENCE, _FILES, _PARSER = range(8)
_INPUTS, _OUTPUTS = 2, 3
_CONTENT, _PROCESSING, _TENSOR_FILES = 3, 4, 6
_KIND, _VALUE = 0, 1
_COLOURS = 0
_MEAN, _STD = 0, 1
_FILE_NAME, _FILE_KIND = 0, 2

# Values of enumerations and unions.
_IMAGE = 2
_NORMALIZATION = 1
_AXIS_LABELS = 2
_CHANNELS = {1: 3, 2: 1}
"""Of the colour spaces RGB and grey."""

Floats = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Description:
    """What the flatbuffer says; None where it does not. `labels_file` is a name in the archive."""

    name: str | None = None
    description: str | None = None
    version: str | None = None
    author: str | None = None
    licence: str | None = None
    labels_file: str | None = None
    mean: Floats | None = None
    std: Floats | None = None
    channels: int | None = None


def pack(said: Description) -> bytes:
    """Return the flatbuffer; raises ValueError for a normalisation that cannot be applied."""
    builder = flatbuffers.Builder(1024)
    colours = next((key for key, count in _CHANNELS.items() if count == said.channels), 0)
    properties = _table(builder, 2, small={_COLOURS: colours})
    image = {
        _NAME: builder.CreateString("image"),
        _CONTENT: _table(builder, 3, {_VALUE: properties}, {_KIND: _IMAGE}),
    }
    if said.mean is not None and said.std is not None:
        _check(said.mean, said.std)
        values = {_MEAN: _floats(builder, said.mean), _STD: _floats(builder, said.std)}
        options = _table(builder, 2, values)
        unit = _table(builder, 2, {_VALUE: options}, {_KIND: _NORMALIZATION})
        image[_PROCESSING] = _vector(builder, [unit])
    score = {_NAME: builder.CreateString("probability")}
    if said.labels_file is not None:
        name = builder.CreateString(said.labels_file)
        labels = _table(builder, 4, {_FILE_NAME: name}, {_FILE_KIND: _AXIS_LABELS})
        score[_TENSOR_FILES] = _vector(builder, [labels])
    graph = {
        _INPUTS: _vector(builder, [_table(builder, 7, image)]),
        _OUTPUTS: _vector(builder, [_table(builder, 7, score)]),
    }
    texts = {
        _NAME: said.name,
        _DESCRIPTION: said.description,
        _VERSION: said.version,
        _AUTHOR: said.author,
        _LICENCE: said.licence,
        _PARSER: _PARSER_VERSION,
    }
    model = {_SUBGRAPHS: _vector(builder, [_table(builder, 7, graph)])}
    model |= {
        number: builder.CreateString(text) for number, text in texts.items() if text is not None
    }
    builder.Finish(_table(builder, 8, model), file_identifier=_IDENTIFIER)
    return bytes(builder.Output())


def unpack(packed: bytes) -> Description:
    """Read a flatbuffer that may come from anywhere; raises ValueError where it is damaged."""
    model = root(packed, _IDENTIFIER)
    graph = next(model.tables(_SUBGRAPHS), None)
    image = None if graph is None else next(graph.tables(_INPUTS), None)
    score = None if graph is None else next(graph.tables(_OUTPUTS), None)
    mean, std = _normalization(image)
    return Description(
        name=model.text(_NAME),
        description=model.text(_DESCRIPTION),
        version=model.text(_VERSION),
        author=model.text(_AUTHOR),
        licence=model.text(_LICENCE),
        labels_file=_labels_file(score),
        mean=mean,
        std=std,
        channels=_channels(image),
    )


def _normalization(image: Table | None) -> tuple[Floats | None, Floats | None]:
    for unit in image.tables(_PROCESSING) if image else ():
        options = unit.table(_VALUE)
        if unit.number(_KIND, "B") != _NORMALIZATION or options is None:
            continue
        mean, std = options.floats(_MEAN), options.floats(_STD)
        if mean is None or std is None:
            return None, None
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


def _vector(builder: flatbuffers.Builder, offsets: Sequence[int]) -> int:
    builder.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    written: int = builder.EndVector()
    return written


def _floats(builder: flatbuffers.Builder, values: Sequence[float]) -> int:
    builder.StartVector(4, len(values), 4)
    for value in reversed(values):
        builder.PrependFloat32(value)
    written: int = builder.EndVector()
    return written
