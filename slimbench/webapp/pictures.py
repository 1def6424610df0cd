"""A picture that somebody sent, as the pixels that a model's input takes.

All that can be known of a file without decoding it is checked first; then it is decoded and
resized by the very code that does so for the photographs that models are scored on.

Pillow's own opening reserves memory for the whole canvas of a WebP file, and a file of thirty bytes
can claim 268 megapixels; so kind, size and end are read here, by the formats' own specifications:
PNG (ISO/IEC 15948) 5.2 and 11.2.2, JPEG (ITU-T T.81) annex B, WebP (RFC 9649) 2.4 to 2.7.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass

from slimbench.datasets.photos.decoding import BadImage, decode
from slimbench.spec import Pixels
from slimbench.webapp.problems import Problem
from slimbench.webapp.settings import MEBIBYTE, Settings
from slimbench.webapp.spec import ServedModel

PNG = b"\x89PNG\r\n\x1a\n"

_SIZE_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Start of frame, of whatever coding."""

_ALONE = frozenset({0x01, *range(0xD0, 0xD8)})
"""Markers without a length after them."""

_AFTER_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
"""What ends a scan's compressed data: any marker but a stuffed zero, a restart or filling."""

_OTHERS = re.compile(
    rb"^\s*(<|#!|%!|%PDF-|PK[\x03\x05]\x04?|Rar!|7z\xbc\xaf|GIF8|MZ|\x7fELF|\x1f\x8b|\xca\xfe\xba\xbe)"
)
"""How documents, archives and programs begin. Cameras append films, thumbnails and notes of their
own to a JPEG, which are none of these."""

_ZIP_END = b"PK\x05\x06"
_ZIP_END_REACH = 65_557
"""An archive's last record and the longest comment after it (APPNOTE.TXT 4.3.16)."""

_PDF = b"%PDF-"
_PDF_REACH = 1024
"""Readers let a document begin anywhere in there (PDF Reference 1.7, implementation note 13)."""


class Damaged(ValueError):
    """A file's parts do not add up; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class Outline:
    """A file's kind, the picture's size in pixels, and where the file should end."""

    kind: str
    width: int
    height: int
    end: int


def kind(content: bytes) -> str | None:
    """Return JPEG, PNG or WEBP, or None for everything else."""
    if content.startswith(PNG):
        return "PNG"
    if content.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "WEBP"
    return None


def outline(content: bytes) -> Outline | None:
    """Return what a file says of itself, or None where it is of no kind that is known.

    Raises:
        Damaged: It ends too early, or its parts make no sense.
    """
    found = kind(content)
    try:
        match found:
            case "PNG":
                return _png(content)
            case "JPEG":
                return _jpeg(content)
            case "WEBP":
                return _webp(content)
            case _:
                return None
    except (struct.error, IndexError):
        raise Damaged("it ends in its middle") from None


def is_mixed(content: bytes, found: Outline) -> bool:
    """Tell whether a file is a picture and something else too, as a reader of that would take it.

    After the end of a PNG or a WebP nothing may follow.
    """
    rest = content[found.end :].strip(b"\0\r\n\t ")
    if found.kind != "JPEG" and rest:
        return True
    return (
        _OTHERS.match(rest) is not None
        or _ZIP_END in rest[-_ZIP_END_REACH:]
        or _PDF in content[:_PDF_REACH]
    )


def _png(content: bytes) -> Outline:
    length, name, width, height = struct.unpack_from(">I4sII", content, 8)
    if name != b"IHDR" or length != 13:
        raise Damaged("it has no header")
    at = 8
    while True:
        length, name = struct.unpack_from(">I4s", content, at)
        at += 12 + length
        if at > len(content):
            raise Damaged("it ends in its middle")
        if name == b"IEND":
            return Outline("PNG", width, height, at)


def _jpeg(content: bytes) -> Outline:
    """Read a JPEG as leniently as its decoders do, which have the last word on it."""
    size: tuple[int, int] | None = None
    at, end = 2, len(content)
    while (at := content.find(b"\xff", at)) >= 0:
        while content[at] == 0xFF:
            at += 1
        marker = content[at]
        at += 1
        if marker == 0xD9:
            end = at
            break
        if marker in _ALONE:
            continue
        (length,) = struct.unpack_from(">H", content, at)
        if marker in _SIZE_MARKERS and size is None:
            height, width = struct.unpack_from(">HH", content, at + 3)
            size = width, height
        at += length
        if marker == 0xDA:
            after = _AFTER_SCAN.search(content, at)
            if after is None:
                break
            at = after.start()
    if size is None:
        raise Damaged("it says nothing of its size")
    return Outline("JPEG", *size, end)


def _webp(content: bytes) -> Outline:
    (length,) = struct.unpack_from("<I", content, 4)
    end = 8 + length + length % 2
    if 8 + length > len(content):
        raise Damaged("it ends in its middle")
    name, first = content[12:16], content[20:]
    if name == b"VP8X":
        width = 1 + int.from_bytes(first[4:7], "little")
        height = 1 + int.from_bytes(first[7:10], "little")
        if len(first) < 10:
            raise Damaged("it ends in its middle")
    elif name == b"VP8L":
        (bits,) = struct.unpack_from("<I", first, 1)
        width, height = 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    elif name == b"VP8 ":
        wide, high = struct.unpack_from("<HH", first, 6)
        width, height = wide & 0x3FFF, high & 0x3FFF
    else:
        raise Damaged("it has no header")
    return Outline("WEBP", width, height, end)


FORMATS = ("JPEG", "PNG", "WEBP")

_DEFAULTS = Settings()


def read(content: bytes, model: ServedModel, settings: Settings = _DEFAULTS) -> Pixels:
    """Return a picture in a model's size, uint8, shape (height, width, channels).

    Upright as its EXIF says, of an animation the first frame, transparent parts on white. What the
    file is called or declared to be does not matter.

    Raises:
        Problem: It is no whole JPEG, PNG or WebP, or larger than the settings allow.
    """
    check(content, settings)
    try:
        return decode(
            content,
            *model.input_shape,
            formats=FORMATS,
            max_pixels=settings.picture_pixels,
        )
    except BadImage:
        raise _damaged() from None


def check(content: bytes, settings: Settings) -> None:
    """Refuse what is not to be decoded, without decoding it.

    Raises:
        Problem: As `read`.
    """
    if not content:
        raise Problem("empty-image", "The picture has 0 bytes; choose another file.")
    if len(content) > settings.picture_bytes:
        raise too_large(settings)
    try:
        found = outline(content)
    except Damaged:
        raise _damaged() from None
    if found is None:
        raise Problem(
            "unsupported-format",
            "The file is no JPEG, PNG or WebP picture, whatever its name says; save it as one.",
        )
    _check_size(found, settings)
    if is_mixed(content, found):
        raise Problem(
            "mixed-content",
            "Something that is no part of the picture follows it in its file; save it anew.",
        )


def too_large(settings: Settings) -> Problem:
    """Return what is said of a file that has too many bytes."""
    limit = f"{settings.picture_bytes / MEBIBYTE:g} MiB"
    return Problem(
        "image-too-large", f"The picture's file is larger than {limit}; send a smaller one."
    )


def _check_size(found: Outline, settings: Settings) -> None:
    width, height = found.width, found.height
    if not width or not height:
        raise _damaged()
    if max(width, height) > settings.picture_side:
        raise Problem(
            "too-many-pixels",
            f"The picture is {width:,} x {height:,} pixels; a side may have "
            f"{settings.picture_side:,}. Send a smaller one.",
        )
    if width * height > settings.picture_pixels:
        raise Problem(
            "too-many-pixels",
            f"The picture is {width:,} x {height:,} pixels, more than the "
            f"{settings.picture_pixels / 1e6:g} million that are taken. Send a smaller one.",
        )


def _damaged() -> Problem:
    return Problem(
        "damaged-image",
        "The picture cannot be read whole: its file is damaged or cut short. Send it again.",
    )
