"""A picture that somebody sent, as the pixels that a model's input takes.

All that can be known of a file without decoding it is checked first; then it is decoded and
resized by the very code that does so for the photographs that models are scored on.
"""

from __future__ import annotations

from slimbench.datasets.photos.decoding import BadImage, decode
from slimbench.spec import Pixels
from slimbench.webapp import signatures
from slimbench.webapp.problems import Problem
from slimbench.webapp.settings import MEBIBYTE, Settings
from slimbench.webapp.spec import ServedModel

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
        outline = signatures.outline(content)
    except signatures.Damaged:
        raise _damaged() from None
    if outline is None:
        raise Problem(
            "unsupported-format",
            "The file is no JPEG, PNG or WebP picture, whatever its name says; save it as one.",
        )
    _check_size(outline, settings)
    if signatures.is_mixed(content, outline):
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


def _check_size(outline: signatures.Outline, settings: Settings) -> None:
    width, height = outline.width, outline.height
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
