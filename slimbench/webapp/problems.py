"""What a client is told when it gets no answer: `application/problem+json` (RFC 9457).

`type` is stable and for programs, `detail` is a sentence for people. Nothing of the inside, such
as a path or a trace, is ever in one.
"""

from __future__ import annotations

import json
import logging
from typing import Any, cast

from flask import Flask, Response, g, has_request_context
from werkzeug.exceptions import HTTPException

from slimbench.webapp import spec

CONTENT_TYPE = "application/problem+json"

KINDS: dict[str, tuple[int, str]] = {
    "bad-request": (400, "The request cannot be understood"),
    "no-image": (400, "There is no picture in the request"),
    "empty-image": (400, "The picture is empty"),
    "repeated-field": (400, "A field is there more than once"),
    "invalid-json": (400, "The JSON cannot be read"),
    "invalid-base64": (400, "The base64 cannot be read"),
    "not-found": (404, "There is nothing here"),
    "method-not-allowed": (405, "This cannot be done here"),
    "request-timeout": (408, "The request took too long to arrive"),
    "body-too-large": (413, "The request is too large"),
    "image-too-large": (413, "The picture's file is too large"),
    "too-many-pixels": (413, "The picture has too many pixels"),
    "unsupported-media-type": (415, "The request is of a kind that is not taken"),
    "unsupported-format": (415, "The file is no picture of a kind that is taken"),
    "damaged-image": (422, "The picture cannot be read whole"),
    "mixed-content": (422, "The file holds more than a picture"),
    "rate-limited": (429, "Too many requests"),
    "internal-error": (500, "Something went wrong here"),
    "inference-failed": (500, "The model failed on this picture"),
    "busy": (503, "All workers are busy"),
    "draining": (503, "The server is starting or ending"),
    "late": (504, "There was no answer in time"),
}
"""Status and title of each kind of problem, by the last part of its `type`."""

_OF_STATUS = {
    400: "bad-request",
    404: "not-found",
    405: "method-not-allowed",
    408: "request-timeout",
    413: "body-too-large",
    415: "unsupported-media-type",
    429: "rate-limited",
    500: "internal-error",
}
"""What the web framework and the server refuse of their own accord."""

_SENTENCES = {
    "bad-request": "The request is malformed; see /openapi.json for what is understood.",
    "not-found": "There is nothing at this address; see /openapi.json for what there is.",
    "method-not-allowed": "This address does not take that method; the header Allow says which.",
    "request-timeout": "The request did not arrive whole in time; send it again.",
    "body-too-large": "The request is larger than what is taken; send a smaller picture.",
    "unsupported-media-type": "Send the picture as multipart/form-data or as application/json.",
    "internal-error": "This is a fault of the server's, and it is in its log; try again later.",
}

_KEPT_HEADERS = ("Allow", "Retry-After")

RETRY_DRAINING = 5
"""Seconds after which a server that starts or ends can be asked again; by then another is up."""

logger = logging.getLogger("webapp")


class Problem(Exception):
    """A request that gets no answer, and why.

    Args:
        slug: one of `KINDS`.
        detail: a sentence or two that say what to do.
        retry_after: whole seconds until it is worth another try.
    """

    def __init__(self, slug: str, detail: str, retry_after: int | None = None) -> None:
        super().__init__(detail)
        self.slug = slug
        self.status, self.title = KINDS[slug]
        self.detail = detail
        self.retry_after = retry_after

    def as_json(self, request_id: str) -> dict[str, Any]:
        """Return the document's fields."""
        return document(self.slug, self.status, self.detail, request_id)


def document(slug: str, status: int, detail: str, request_id: str) -> dict[str, Any]:
    """Return a problem document's fields."""
    return {
        "type": f"/problems/{slug}",
        "title": KINDS[slug][1],
        "status": status,
        "detail": detail,
        "error": detail,
        "request_id": request_id,
    }


def of_status(status: int) -> Problem:
    """Return the problem that stands for a bare HTTP status from 400 up."""
    slug = _OF_STATUS.get(status, "bad-request" if status < 500 else "internal-error")
    return Problem(slug, _SENTENCES.get(slug, KINDS[slug][1] + "."))


def of_refusal(refusal: spec.Refusal, deadline_seconds: float) -> Problem:
    """Return what a client is told of a picture that was not answered."""
    match refusal:
        case spec.Busy():
            return Problem(
                "busy",
                f"All workers are busy, the queue is full; try again in {refusal.retry_after} s.",
                refusal.retry_after,
            )
        case spec.Draining():
            return Problem(
                "draining",
                f"The server is starting or ending; try again in {RETRY_DRAINING} s.",
                RETRY_DRAINING,
            )
        case spec.Late():
            return Problem(
                "late",
                f"There was no answer within {deadline_seconds:g} s; try again later.",
            )
        case _:
            return Problem(
                "inference-failed",
                "The model failed on this picture; other pictures are not affected.",
            )


def response(problem: Problem) -> Response:
    """Return a problem as Flask answers it."""
    body = json.dumps(problem.as_json(request_id()))
    answer = Response(body, problem.status, content_type=CONTENT_TYPE)
    if problem.retry_after is not None:
        answer.headers["Retry-After"] = str(problem.retry_after)
    return answer


def request_id() -> str:
    """Return the id of the request that is answered, empty outside of one."""
    return str(g.get("request_id", "")) if has_request_context() else ""


def register(app: Flask) -> None:
    """Let every error of an application be answered as a problem."""
    app.register_error_handler(Problem, _of_problem)
    app.register_error_handler(HTTPException, _of_http)
    app.register_error_handler(Exception, _of_fault)


def _of_problem(problem: Problem) -> Response:
    g.problem = problem
    return response(problem)


def _of_http(error: HTTPException) -> Response:
    if error.code is None or error.code < 400:  # a redirection, or an answer of its own
        return cast(Response, Response.force_type(error.get_response()))
    problem = of_status(error.code)
    problem.status = error.code
    g.problem = problem
    answer = response(problem)
    own = error.get_response().headers
    for name in _KEPT_HEADERS:
        if name in own:
            answer.headers[name] = own[name]
    return answer


def _of_fault(error: Exception) -> Response:
    logger.error("A fault of the server's.", exc_info=error)
    return _of_problem(of_status(500))
