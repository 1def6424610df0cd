"""Adding a named buffer to a `.tflite` file without touching a byte of the model in it.

The schema's object API would write the whole file anew: it drops what it does not know and the
alignment that the runtime wants. Instead the old file becomes the tail of the new one, moved as a
block, so that every offset inside it stays true; before it come a new root table, which leads into
the tail for all that it shares with the old one, and the new buffer.
"""

from __future__ import annotations

import struct

import flatbuffers

from slimbench.tflite.flatbuffer import IDENTIFIER, Table, root, write_offsets

# Field numbers of the schema of TensorFlow Lite, by table.
_VERSION, _SUBGRAPHS, _BUFFERS, _METADATA = 0, 2, 4, 6
_MODEL_FIELDS = 10
_DATA, _OFFSET, _SIZE = range(3)
_METADATA_NAME, _METADATA_BUFFER = range(2)
_OPERATORS, _LARGE_OPTIONS_OFFSET = 3, 9

_ALIGNMENT = 64
"""No runtime asks for more than a cache line; what was aligned to it in the old file still is."""

_MOST_ENTRIES = 4096
"""Of metadata: files have two or three."""

_LARGEST = 2**31 - 2**20
"""Flatbuffers end at 2 GiB."""


def metadata_index(model: Table, name: str) -> int | None:
    """Return which buffer holds the metadata of this name; raises ValueError for damage."""
    count = (model.vector(_METADATA, 4) or (0, 0))[1]
    if count > _MOST_ENTRIES:
        raise ValueError(f"it lists {count} entries of metadata")
    for entry in model.tables(_METADATA):
        if entry.data(_METADATA_NAME) == name.encode():
            index: int = entry.number(_METADATA_BUFFER, "I")
            return index
    return None


def buffer_data(model: Table, index: int) -> bytes:
    """Return a buffer's bytes; raises ValueError where there are none."""
    start, count = model.vector(_BUFFERS, 4) or (0, 0)
    if index >= count:
        raise ValueError(f"it names buffer {index} of {count}")
    place = start + 4 * index
    (relative,) = struct.unpack_from("<I", model.content, place)
    buffer = Table(model.content, place + relative)
    data, offset = buffer.data(_DATA), buffer.number(_OFFSET, "Q")
    if data is None and offset > 1:
        end = offset + buffer.number(_SIZE, "Q")
        if end > len(model.content):
            raise ValueError(f"a buffer ends at byte {end} of {len(model.content)}")
        data = bytes(model.content[offset:end])
    if data is None:
        raise ValueError(f"its buffer {index} is empty")
    return data


def add_buffer(model: bytes, name: str, data: bytes) -> bytes:
    """Return a `.tflite` file's bytes with one more buffer, listed as metadata under `name`.

    Raises ValueError where it has such metadata, is too large, damaged, or of a newer schema.
    """
    old = root(model, IDENTIFIER)
    if old.fields > _MODEL_FIELDS:
        raise ValueError(f"its root has {old.fields} fields, this version knows {_MODEL_FIELDS}")
    if metadata_index(old, name) is not None:
        raise ValueError(f"it has {name} already")
    if len(model) > _LARGEST:
        raise ValueError("a file of 2 GiB has no room for it")
    buffers, entries = list(old.tables(_BUFFERS)), list(old.tables(_METADATA))
    tail = model + bytes(-len(model) % _ALIGNMENT)
    room = 4 * (len(buffers) + len(entries)) + len(data) + 4 * _ALIGNMENT
    builder = flatbuffers.Builder(len(tail) + room)
    builder.Prep(_ALIGNMENT, 0)
    # Offsets in a builder count from the end. The vector's length stands before the old file.
    start: int = builder.CreateByteVector(tail) - 4
    new_buffer = _buffer(builder, data)
    entry = _entry(builder, name, len(buffers))
    vectors = {
        _BUFFERS: write_offsets(
            builder, [*(start - buffer.position for buffer in buffers), new_buffer]
        ),
        _METADATA: write_offsets(
            builder, [*(start - listed.position for listed in entries), entry]
        ),
    }
    builder.StartObject(_MODEL_FIELDS)
    builder.PrependUint32Slot(_VERSION, old.number(_VERSION, "I"), 0)
    for number in range(1, _MODEL_FIELDS):
        target = old.target(number)
        if number in vectors:
            builder.PrependUOffsetTRelativeSlot(number, vectors[number], 0)
        elif target is not None:
            builder.PrependUOffsetTRelativeSlot(number, start - target, 0)
    builder.Finish(builder.EndObject(), file_identifier=IDENTIFIER)
    content = builder.Output()
    _move_absolute_offsets(content, old, buffers, len(content) - start)
    return bytes(content)


def _buffer(builder: flatbuffers.Builder, data: bytes) -> int:
    builder.StartVector(1, len(data), 16)  # the schema has buffers aligned so
    for byte in reversed(data):
        builder.PrependByte(byte)
    vector = builder.EndVector()
    builder.StartObject(3)
    builder.PrependUOffsetTRelativeSlot(_DATA, vector, 0)
    written: int = builder.EndObject()
    return written


def _entry(builder: flatbuffers.Builder, name: str, index: int) -> int:
    text = builder.CreateString(name)
    builder.StartObject(2)
    builder.PrependUOffsetTRelativeSlot(_METADATA_NAME, text, 0)
    builder.PrependUint32Slot(_METADATA_BUFFER, index, 0)
    written: int = builder.EndObject()
    return written


def _move_absolute_offsets(
    content: bytearray, old: Table, buffers: list[Table], distance: int
) -> None:
    """Shift by `distance` the offsets that count from the begin of the file.

    That is data behind the flatbuffer, which LiteRT's quantiser puts there.
    """
    places = [(buffer.field(_OFFSET), buffer.number(_OFFSET, "Q")) for buffer in buffers]
    for graph in old.tables(_SUBGRAPHS):
        for operator in graph.tables(_OPERATORS):
            offset = operator.number(_LARGE_OPTIONS_OFFSET, "Q")
            places.append((operator.field(_LARGE_OPTIONS_OFFSET), offset))
    for place, offset in dict(places).items():
        if offset > len(old.content):
            raise ValueError(f"data is said to begin at byte {offset} of {len(old.content)}")
        if place is not None and offset > 1:  # 1 is a placeholder, not an offset
            struct.pack_into("<Q", content, place + distance, offset + distance)
