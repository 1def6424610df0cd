"""Bounds-checked reading of flatbuffers from untrusted sources, such as `.tflite` files.

The `flatbuffers` package trusts what it reads: an offset may lead outside, a slice is shortened
without a word, a count of four billion is believed. Here each of these is a ValueError.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Content = bytes | mmap.mmap

_IDENTIFIER_END = 8

_VTABLE_HEAD = 4
"""Bytes before the fields of a vtable: its own size and its table's."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table at a position in a flatbuffer; fields are numbered as in its schema.

    Every method raises ValueError where the field reaches outside the content, and returns None
    (or the default) where the table does not have it.
    """

    content: Content
    position: int

    @property
    def fields(self) -> int:
        """The number of fields that the table's writer knew, used or not."""
        size: int = self._at("<H", self._vtable)
        if size < _VTABLE_HEAD:
            raise damaged(f"a table at byte {self.position} has no fields at all")
        return (size - _VTABLE_HEAD) // 2

    def field(self, number: int) -> int | None:
        """Return where a field's value, or the offset to it, is."""
        if number >= self.fields:
            return None
        relative: int = self._at("<H", self._vtable + _VTABLE_HEAD + 2 * number)
        return self.position + relative if relative else None

    def number(self, number: int, code: str, default: float = 0) -> Any:
        """Return a scalar; `code` is its little-endian format as `struct` has it."""
        place = self.field(number)
        return default if place is None else self._at(f"<{code}", place)

    def target(self, number: int) -> int | None:
        """Return where the table, vector or string that a field leads to is."""
        place = self.field(number)
        return None if place is None else self._follow(place)

    def table(self, number: int) -> Table | None:
        """Return a table inside this one."""
        place = self.target(number)
        return None if place is None else Table(self.content, place)

    def vector(self, number: int, size: int) -> tuple[int, int] | None:
        """Return where a vector's elements of `size` bytes begin, and how many there are."""
        place = self.target(number)
        if place is None:
            return None
        count: int = self._at("<I", place)
        if place + 4 + count * size > len(self.content):
            raise damaged(f"a vector of {count} elements reaches beyond the end")
        return place + 4, count

    def tables(self, number: int) -> Iterator[Table]:
        """Yield the tables of a vector; none where there is no vector."""
        start, count = self.vector(number, 4) or (0, 0)
        for place in range(start, start + 4 * count, 4):
            yield Table(self.content, self._follow(place))

    def data(self, number: int) -> bytes | None:
        """Return a vector of bytes, or the bytes of a string."""
        vector = self.vector(number, 1)
        if vector is None:
            return None
        start, count = vector
        return bytes(self.content[start : start + count])

    def text(self, number: int) -> str | None:
        """Return a string; raises ValueError (UnicodeDecodeError) where it is no UTF-8."""
        data = self.data(number)
        return None if data is None else data.decode("utf-8")

    def array(self, number: int, dtype: str) -> npt.NDArray[Any]:
        """Return a vector of numbers, a view; empty where there is none."""
        kind = np.dtype(dtype)
        start, count = self.vector(number, kind.itemsize) or (0, 0)
        return np.frombuffer(self.content, kind, count, start)

    @property
    def _vtable(self) -> int:
        relative: int = self._at("<i", self.position)
        return self.position - relative

    def _follow(self, place: int) -> int:
        target: int = place + self._at("<I", place)
        if target >= len(self.content):
            raise damaged(f"an offset leads to byte {target} of {len(self.content)}")
        return target

    def _at(self, code: str, place: int) -> Any:
        # struct takes a negative place for one counted from the end.
        if not 0 <= place <= len(self.content) - struct.calcsize(code):
            raise damaged(f"an offset leads to byte {place} of {len(self.content)}")
        return struct.unpack_from(code, self.content, place)[0]


def root(content: Content, identifier: bytes) -> Table:
    """Return the root table; raises ValueError where the content is not of that kind."""
    if len(content) < _IDENTIFIER_END or content[4:_IDENTIFIER_END] != identifier:
        raise ValueError(f"it lacks the mark {identifier.decode('ascii')}")
    return Table(content, struct.unpack_from("<I", content, 0)[0])


def damaged(detail: str) -> ValueError:
    """Return the error of a file that is cut short or contradicts itself."""
    return ValueError(f"the file is cut short or damaged ({detail}); build or copy it again")
