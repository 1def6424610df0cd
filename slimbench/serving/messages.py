"""The requests that are sent, as the bytes that go over the wire."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from slimbench.spec import Pixels

HOST = "127.0.0.1"

_BOUNDARY = b"slimbench-picture"


def get(path: str) -> bytes:
    """Return a GET request."""
    return f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\nAccept: */*\r\n\r\n".encode()


def predict(picture: bytes) -> bytes:
    """Return a request for a prediction: a form with the picture in its field `image`."""
    part = (
        b"--" + _BOUNDARY + b"\r\n"
        b'Content-Disposition: form-data; name="image"; filename="picture.png"\r\n'
        b"Content-Type: image/png\r\n\r\n" + picture + b"\r\n--" + _BOUNDARY + b"--\r\n"
    )
    head = (
        f"POST /predict HTTP/1.1\r\nHost: {HOST}\r\nAccept: application/json\r\n"
        f"Content-Type: multipart/form-data; boundary={_BOUNDARY.decode()}\r\n"
        f"Content-Length: {len(part)}\r\n\r\n"
    )
    return head.encode() + part


def png(image: Pixels) -> bytes:
    """Return a picture of exactly these pixels, shape (height, width, 1 or 3)."""
    plane = np.asarray(image)
    written = io.BytesIO()
    Image.fromarray(plane[..., 0] if plane.shape[-1] == 1 else plane).save(written, "PNG")
    return written.getvalue()
