"""HTTP messages of the compared servers: requests as bytes, and whether a response is right."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from slimbench.spec import Pixels, Session

HOST = "127.0.0.1"

TOLERANCE = 1e-6
"""How far a score may be off: a batch of floats is added up in another order."""

Scores = npt.NDArray[np.float32]

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
    content = io.BytesIO()
    Image.fromarray(plane[..., 0] if plane.shape[-1] == 1 else plane).save(content, "PNG")
    return content.getvalue()


@dataclass(frozen=True, slots=True)
class PredictionRequests:
    """Requests for predictions, and the scores that the engine gives those pictures."""

    requests: tuple[bytes, ...]
    scores: tuple[Scores, ...]


def prediction_requests(session: Session, images: Pixels) -> PredictionRequests:
    """Return one request for each image, with the scores the model gives it.

    Args:
        session: the model on the engine that scores it in the benchmark.
        images: of the model's size, shape (images, height, width, channels).
    """
    requests, scores = [], []
    for image in images:
        pixels = np.asarray(image)
        session.feed(pixels)
        session.invoke()
        scores.append(np.array(session.scores()))
        requests.append(predict(png(pixels)))
    return PredictionRequests(tuple(requests), tuple(scores))


def is_right(body: bytes, expected: Any) -> bool:
    """Tell whether a JSON body holds the expected values; one that is no JSON does not."""
    try:
        response = json.loads(body)
    except ValueError:
        return False
    return agrees(response, expected)


def agrees(response: Any, expected: Any, tolerance: float = TOLERANCE) -> bool:
    """Tell whether a JSON value holds the expected one, numbers to within `tolerance`.

    Of an object only the keys that are expected count, so that times may differ; of an array,
    all elements in their order.
    """
    if isinstance(expected, dict):
        return isinstance(response, dict) and all(
            key in response and agrees(response[key], value, tolerance)
            for key, value in expected.items()
        )
    if isinstance(expected, list):
        return (
            isinstance(response, list)
            and len(response) == len(expected)
            and all(map(lambda one, other: agrees(one, other, tolerance), response, expected))
        )
    if _is_number(expected):
        return _is_number(response) and abs(response - expected) <= tolerance
    return type(response) is type(expected) and bool(response == expected)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
