"""The picture's bytes out of a request: from a form's field, or from JSON.

The usual form, a picture and nothing else, is read without the general parser, which took a fifth
of a small picture's time, and wrote a large one to a file and read it back. What is not exactly the
usual form is left to it (RFC 7578, RFC 2046 5.1.1).
"""

from __future__ import annotations

import base64
import binascii
import io
import json
import re
from collections.abc import Iterable
from typing import IO, Any

from flask import Request

from slimbench.webapp.pictures import too_large
from slimbench.webapp.problems import Problem
from slimbench.webapp.settings import Settings

_BOUNDARY = re.compile(
    r"multipart/form-data; *boundary=([0-9A-Za-z'()+_,./:=?-]{1,70}|\"[0-9A-Za-z_.-]{1,70}\")"
)
_HEADERS = re.compile(
    rb'Content-Disposition: form-data; name="([A-Za-z0-9_-]+)"; filename="[^"\r\n]*"\r\n'
    rb"(?:Content-Type: [!-~ ]+\r\n)?\r\n",
    re.IGNORECASE,
)


def boundary(content_type: str) -> bytes | None:
    """Return what separates a form's parts, or None where that is written in an unusual way."""
    found = _BOUNDARY.fullmatch(content_type)
    return None if found is None else b"--" + found[1].strip('"').encode()


def only_file(body: bytes, separator: bytes, field: str) -> bytes | None:
    """Return the content of a form's only part, or None if it is not exactly that.

    Args:
        body: of the request.
        separator: as `boundary` gives it.
        field: the name that the part must have; it must be a file.
    """
    start = separator + b"\r\n"
    headers = _HEADERS.match(body, len(start)) if body.startswith(start) else None
    if headers is None or headers[1] != field.encode():
        return None
    end = body.find(separator, headers.end())
    is_last = body[end:] in {separator + b"--", separator + b"--\r\n"}
    if end < 0 or not is_last or not body.endswith(b"\r\n", headers.end(), end):
        return None
    return body[headers.end() : end - len(b"\r\n")]


FIELD = "image"

_DATA_URL = re.compile(r"data:[^,;]{0,100}(;[^,;]{1,100}){0,5};base64,", re.IGNORECASE)
_DATA = "data:"
_STANDARD = str.maketrans("-_", "+/", " \t\r\n")
"""From base64 with the letters for URLs (RFC 4648 5) and blanks to the standard letters alone."""

_HOW = (
    f'Send the picture as the field "{FIELD}" of a form (multipart/form-data), or as JSON: '
    f'{{"{FIELD}": "data:image/png;base64,..."}}.'
)


class UploadRequest(Request):
    """Keeps files in memory, where the whole body is anyway and may not be large."""

    def _get_file_stream(self, *_: object, **__: object) -> IO[bytes]:
        return io.BytesIO()


def content(request: Request, settings: Settings) -> bytes:
    """Return the bytes of the picture that a request sends.

    Raises:
        Problem: There is none, or more than one, or it cannot be read.
    """
    if request.mimetype == "multipart/form-data":
        return _of_form(request)
    if request.is_json:
        return _of_json(request.get_data(cache=False), settings)
    raise Problem("unsupported-media-type", _HOW)


def _of_form(request: Request) -> bytes:
    separator = boundary(request.headers["Content-Type"])
    if separator is not None:
        usual = only_file(request.get_data(), separator, FIELD)
        if usual:
            return usual
    files = request.files.getlist(FIELD)
    if len(files) + len(request.form.getlist(FIELD)) > 1:
        raise Problem("repeated-field", f'There is more than one "{FIELD}"; send one picture.')
    if files:
        return bytes(files[0].read())
    if FIELD in request.form:
        raise Problem("no-image", f'The field "{FIELD}" holds text, not a file. {_HOW}')
    raise Problem("no-image", f'There is no field "{FIELD}". {_HOW}')


def _of_json(body: bytes, settings: Settings) -> bytes:
    try:
        document = json.loads(body, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        raise Problem("invalid-json", f"The body is not JSON. {_HOW}") from None
    if not isinstance(document, dict) or FIELD not in document:
        raise Problem("no-image", f'The JSON has no "{FIELD}". {_HOW}')
    text = document[FIELD]
    if not isinstance(text, str):
        raise Problem("no-image", f'"{FIELD}" is not a text in base64. {_HOW}')
    return _decoded(text, settings)


def _once(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise Problem("repeated-field", "A name is there more than once in the JSON.")
        found[name] = value
    return found


def _decoded(text: str, settings: Settings) -> bytes:
    text = text.lstrip()
    prefix = _DATA_URL.match(text)
    if prefix is None and text[: len(_DATA)].lower() == _DATA:
        raise Problem(
            "invalid-base64", 'A data URL must be in base64: "data:image/png;base64,...".'
        )
    encoded = text[prefix.end() if prefix else 0 :].translate(_STANDARD)
    if len(encoded) * 3 // 4 > settings.picture_bytes + 3:
        raise too_large(settings)
    try:
        # The padding says nothing that the length does not; many senders leave it out.
        return base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise Problem("invalid-base64", f'"{FIELD}" is not whole base64. {_HOW}') from None
