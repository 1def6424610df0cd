"""The usual form, a picture and nothing else, without the general parser.

Parsing took a fifth of a small picture's time, and for a large one wrote it to a file and read it
back. What is not exactly the usual form is left to the general parser (RFC 7578, RFC 2046 5.1.1).
"""

from __future__ import annotations

import re

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
