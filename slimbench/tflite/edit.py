"""Editing a `.tflite` file without touching a byte of the model in it.

The schema's object API would write the whole file anew: it drops what it does not know, the
alignment that the runtime wants, and all that lies behind the flatbuffer. Instead the old file
becomes the tail of the new one, moved as a block, so that every offset inside it stays true; before
it come what is added and a new root table, which leads into the tail for all that stays.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence

import flatbuffers

from slimbench.tflite.flatbuffer import Table
from slimbench.tflite.model import (
    BUFFER_DATA,
    BUFFER_OFFSET,
    BUFFERS,
    IDENTIFIER,
    LARGE_OPTIONS_OFFSET,
    METADATA,
    MODEL_FIELDS,
    OPERATORS,
    SIGNATURES,
    SUBGRAPHS,
    VERSION,
    Bytes,
    read_model,
)

SIGNATURE = "serving_default"
PIXELS, SCORES = "pixels", "scores"
"""Names of the signature that a file without one is given, and of its tensors."""

_SIGNATURE_INPUTS, _SIGNATURE_OUTPUTS, _SIGNATURE_KEY = range(3)
_SIGNATURE_FIELDS = 5
"""Field numbers of the schema, by table."""

_ALIGNMENT = 64
"""No runtime asks for more than a cache line; what was aligned to it in the old file still is."""

_VALUES_ALIGNMENT = 16
"""Of stored values, as the schema has it."""

_LARGEST = 2**31 - 2**20
"""Flatbuffers end at 2 GiB."""

Fields = Mapping[int, int]
"""What was written for fields of the root table: their offsets in the builder, by number."""


def add_buffer(content: bytes, name: str, data: bytes) -> bytes:
    """Return a `.tflite` file with one more buffer, listed as metadata under `name`.

    Raises ValueError where it has such metadata, is too large, damaged, or of a newer schema.
    """
    model = read_model(content)
    if model.metadata(name) is not None:
        raise ValueError(f"it has {name} already")
    buffers = [buffer.table for buffer in model.buffers]

    def write(builder: flatbuffers.Builder, start: int) -> Fields:
        new_buffer = _write_buffer(builder, data)
        entry = _write_named_index(builder, name, len(buffers))
        entries = [start - entry.position for entry in model.root.tables(METADATA)]
        return {
            BUFFERS: write_offsets(
                builder, [*(start - buffer.position for buffer in buffers), new_buffer]
            ),
            METADATA: write_offsets(builder, [*entries, entry]),
        }

    return _extended(content, len(data), write)


def with_signature(content: bytes) -> bytes:
    """Return a `.tflite` file with one signature: as it is where it has just one, else with ours.

    Raises ValueError where the model has several inputs or outputs, and as `add_buffer` does.
    """
    model = read_model(content)
    main = model.main
    for name, tensors in ((PIXELS, main.inputs), (SCORES, main.outputs)):
        if len(tensors) != 1:
            raise ValueError(f"the model has {len(tensors)} tensors where its {name} should be one")
        main.tensor(tensors[0])
    if (model.root.vector(SIGNATURES, 4) or (0, 0))[1] == 1:
        return content

    def write(builder: flatbuffers.Builder, _: int) -> Fields:
        inputs = write_offsets(builder, [_write_named_index(builder, PIXELS, main.inputs[0])])
        outputs = write_offsets(builder, [_write_named_index(builder, SCORES, main.outputs[0])])
        key = builder.CreateString(SIGNATURE)
        builder.StartObject(_SIGNATURE_FIELDS)
        builder.PrependUOffsetTRelativeSlot(_SIGNATURE_INPUTS, inputs, 0)
        builder.PrependUOffsetTRelativeSlot(_SIGNATURE_OUTPUTS, outputs, 0)
        builder.PrependUOffsetTRelativeSlot(_SIGNATURE_KEY, key, 0)
        return {SIGNATURES: write_offsets(builder, [builder.EndObject()])}

    return _extended(content, 0, write)


def with_values_inside(content: bytes) -> bytes:
    """Return a `.tflite` file with copies, inside the flatbuffer, of the values behind it.

    Raises ValueError as `add_buffer` does.
    """
    buffers = read_model(content).buffers
    values = [buffer.values if buffer.lies_behind else None for buffer in buffers]

    def write(builder: flatbuffers.Builder, start: int) -> Fields:
        offsets = [
            start - buffer.table.position if behind is None else _write_buffer(builder, behind)
            for buffer, behind in zip(buffers, values, strict=True)
        ]
        return {BUFFERS: write_offsets(builder, offsets)}

    return _extended(content, sum(len(behind) for behind in values if behind is not None), write)


def write_offsets(builder: flatbuffers.Builder, offsets: Sequence[int]) -> int:
    """Write a vector of offsets to tables or strings; returns its own offset."""
    builder.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    written: int = builder.EndVector()
    return written


def _extended(
    content: bytes, added: int, write: Callable[[flatbuffers.Builder, int], Fields]
) -> bytes:
    """Return the old file behind what `write` adds, and a root table for both.

    Args:
        content: the old file.
        added: bytes of values that are about to be written.
        write: takes the builder and where the old file starts in it, writes what is new, and
            returns the fields of the root that lead there.
    """
    old = read_model(content).root
    if old.fields > MODEL_FIELDS:
        raise ValueError(f"its root has {old.fields} fields, this version knows {MODEL_FIELDS}")
    if len(content) + added > _LARGEST:
        raise ValueError("a file of 2 GiB has no room for it")
    tail = content + bytes(-len(content) % _ALIGNMENT)
    builder = flatbuffers.Builder(len(tail) + added + 4 * _ALIGNMENT)
    builder.Prep(_ALIGNMENT, 0)
    # Offsets in a builder count from the end. The vector's length stands before the old file.
    start: int = builder.CreateByteVector(tail) - 4
    written = write(builder, start)
    builder.StartObject(MODEL_FIELDS)
    builder.PrependUint32Slot(VERSION, old.number(VERSION, "I"), 0)
    for number in range(1, MODEL_FIELDS):
        target = old.target(number)
        if number in written:
            builder.PrependUOffsetTRelativeSlot(number, written[number], 0)
        elif target is not None:
            builder.PrependUOffsetTRelativeSlot(number, start - target, 0)
    builder.Finish(builder.EndObject(), file_identifier=IDENTIFIER)
    extended = builder.Output()
    _move_absolute_offsets(extended, old, len(extended) - start)
    return bytes(extended)


def _write_buffer(builder: flatbuffers.Builder, data: bytes | Bytes) -> int:
    builder.Prep(_VALUES_ALIGNMENT, len(data))
    vector = builder.CreateByteVector(bytes(data))
    builder.StartObject(3)
    builder.PrependUOffsetTRelativeSlot(BUFFER_DATA, vector, 0)
    written: int = builder.EndObject()
    return written


def _write_named_index(builder: flatbuffers.Builder, name: str, index: int) -> int:
    """Write a table of a name and an index, which metadata and tensors of a signature both are."""
    text = builder.CreateString(name)
    builder.StartObject(2)
    builder.PrependUOffsetTRelativeSlot(0, text, 0)
    builder.PrependUint32Slot(1, index, 0)
    written: int = builder.EndObject()
    return written


def _move_absolute_offsets(extended: bytearray, old: Table, distance: int) -> None:
    """Shift by `distance` the offsets that count from the begin of the file.

    That is data behind the flatbuffer, which LiteRT's quantiser puts there.
    """
    holders = [(buffer, BUFFER_OFFSET) for buffer in old.tables(BUFFERS)]
    for graph in old.tables(SUBGRAPHS):
        holders.extend((operator, LARGE_OPTIONS_OFFSET) for operator in graph.tables(OPERATORS))
    offsets = {table.field(number): table.number(number, "Q") for table, number in holders}
    for place, offset in offsets.items():
        if offset > len(old.content):
            raise ValueError(f"data is said to begin at byte {offset} of {len(old.content)}")
        if place is not None and offset > 1:  # 1 is a placeholder, not an offset
            struct.pack_into("<Q", extended, place + distance, offset + distance)
