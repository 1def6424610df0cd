from __future__ import annotations

import contextlib
import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from slimbench.webapp import pictures
from slimbench.webapp.pictures import Damaged
from tests.datasets.photos.pictures import encoded, noise

FORMS = {
    "png": ("PNG", {}),
    "interlaced size": ("PNG", {"optimize": True}),
    "jpeg": ("JPEG", {}),
    "progressive": ("JPEG", {"progressive": True}),
    "restarts": ("JPEG", {"restart_marker_blocks": 1}),
    "thumbnail": ("JPEG", {"exif": b"Exif\0\0" + encoded(noise(1), "JPEG")}),
    "comment": ("JPEG", {"comment": b"\xff\xd9\xff\xc0" * 9}),
    "lossy": ("WEBP", {"quality": 80}),
    "lossless": ("WEBP", {"lossless": True}),
    "extended": ("WEBP", {"lossless": True, "exif": b"Exif\0\0x"}),
}


@pytest.mark.parametrize("size", [(1, 1), (20, 10), (300, 257), (2, 1000)])
@pytest.mark.parametrize(("form", "options"), FORMS.values(), ids=FORMS)
def test_size_and_end_are_those_that_a_decoder_finds(
    form: str, options: dict[str, object], size: tuple[int, int]
) -> None:
    content = encoded(noise(0, *size), form, **options)
    found = pictures.outline(content + b"more")
    assert found is not None
    assert found.kind == form
    with Image.open(io.BytesIO(content)) as image:
        assert (found.width, found.height) == image.size == size
    assert found.end == len(content)
    assert not pictures.is_mixed(content, found)


def test_a_webp_says_how_large_its_canvas_is_before_memory_is_taken_for_it() -> None:
    canvas = (16_383 - 1).to_bytes(3, "little") * 2
    chunk = b"VP8X" + struct.pack("<I", 10) + b"\x02\0\0\0" + canvas
    content = b"RIFF" + struct.pack("<I", 4 + len(chunk)) + b"WEBP" + chunk
    found = pictures.outline(content)
    assert found is not None
    assert (found.width, found.height) == (16_383, 16_383)


def test_a_jpeg_without_its_last_marker_is_left_to_the_decoder() -> None:
    content = encoded(noise(0, 20, 10), "JPEG")[:-2]
    found = pictures.outline(content)
    assert found is not None
    assert (found.width, found.height, found.end) == (20, 10, len(content))


@pytest.mark.parametrize("content", [b"", b"GIF89a", b"BM", b"RIFF\0\0\0\0WAVE", b"\xff\xd8"])
def test_other_kinds_are_none(content: bytes) -> None:
    assert pictures.outline(content) is None


@pytest.mark.parametrize(
    "rest",
    [
        *(b"<html>", b"\r\n  <?php ", b"#!/bin/sh", b"%PDF-1.4", b"PK\x03\x04", b"Rar!\x1a"),
        *(b"GIF89a", b"MZ\x90", b"\x7fELF", b"junk PK\x05\x06" + bytes(18)),
    ],
)
@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
def test_a_file_that_something_else_could_be_read_from_is_mixed(form: str, rest: bytes) -> None:
    content = encoded(noise(0), form) + rest
    found = pictures.outline(content)
    assert found is not None
    assert pictures.is_mixed(content, found)


@pytest.mark.parametrize("form", ["PNG", "WEBP"])
def test_after_these_nothing_follows(form: str) -> None:
    content = encoded(noise(0), form)
    found = pictures.outline(content)
    assert found is not None
    assert pictures.is_mixed(content + b"anything", found)
    assert not pictures.is_mixed(content + b"\0\0\r\n", found)


EXAMPLES = [encoded(noise(0, 20, 10), form, **options) for form, options in FORMS.values()]


@given(
    st.sampled_from(EXAMPLES),
    st.lists(st.tuples(st.integers(0, 1 << 12), st.integers(0, 255)), max_size=8),
    st.one_of(st.none(), st.integers(0, 2000)),
)
def test_whatever_bytes_there_are_there_is_an_outline_or_damage(
    content: bytes, changes: list[tuple[int, int]], cut: int | None
) -> None:
    wild = bytearray(content)
    for place, value in changes:
        wild[place % len(wild)] = value
    with contextlib.suppress(Damaged):
        found = pictures.outline(bytes(wild[:cut]))
        assert found is None or found.end <= len(wild) + 1


@given(st.binary(max_size=200), st.sampled_from([pictures.PNG, b"\xff\xd8\xff", b"RIFF"]))
def test_marks_with_anything_after_them(content: bytes, mark: bytes) -> None:
    with contextlib.suppress(Damaged):
        pictures.outline(mark + content)
    with contextlib.suppress(Damaged):
        pictures.outline(mark + content[:4] + b"WEBP" + content[4:])
