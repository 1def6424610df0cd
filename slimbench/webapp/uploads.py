"""The picture's bytes out of a request: from a form's field, or from JSON."""

from __future__ import annotations

import base64
import binascii
import io
import json
import re
from collections.abc import Iterable
from typing import IO, Any

from flask import Request

from slimbench.webapp import multipart
from slimbench.webapp.pictures import too_large
from slimbench.webapp.problems import Problem
from slimbench.webapp.settings import Settings

FIELD = "image"

_DATA_URL = re.compile(r"data:[^,;]{0,100}(;[^,;]{1,100}){0,5};base64,", re.IGNORECASE)
_DATA = "data:"
_BLANKS = str.maketrans("", "", " \t\r\n")

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
    separator = multipart.boundary(request.headers["Content-Type"])
    if separator is not None:
        usual = multipart.only_file(request.get_data(), separator, FIELD)
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
    prefix = _DATA_URL.match(text)
    if prefix is None and text[: len(_DATA)].lower() == _DATA:
        raise Problem(
            "invalid-base64", 'A data URL must be in base64: "data:image/png;base64,...".'
        )
    encoded = text[prefix.end() if prefix else 0 :].translate(_BLANKS)
    if len(encoded) * 3 // 4 > settings.picture_bytes + 3:
        raise too_large(settings)
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise Problem("invalid-base64", f'"{FIELD}" is not whole base64. {_HOW}') from None
