"""`POST /predict`: a picture in, what the model takes it for out."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from flask import Blueprint, Response, g, jsonify, request
from werkzeug.exceptions import HTTPException

from slimbench.webapp import metrics, pictures, problems, state, uploads
from slimbench.webapp.problems import Problem
from slimbench.webapp.settings import Settings
from slimbench.webapp.spec import Answer, Failed, Late, Place, Refusal, ServedModel, Service
from slimbench.webapp.state import State

PREDICT = "/predict"

ARRIVED = "slimbench.arrived"
"""Key of the WSGI environment: when the request was there whole, of `time.monotonic`."""

PLACE = "slimbench.place"
"""Key of the WSGI environment: the request's `Place`, or the `Refusal` that it met instead."""

BEST = 3
"""Classes that are named in an answer."""

CLIENT_HEADER = "X-Client-Id"
CLIENT_COOKIE = "slimbench_client"


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a model takes a picture for; times in milliseconds."""

    model: ServedModel
    best: tuple[tuple[str, float], ...]
    """The classes of the highest scores, with these, highest first."""
    scores: tuple[float, ...]
    """Of all classes, in their order."""
    decode_ms: float
    wait_ms: float
    """For a worker, and for the others of a batch."""
    inference_ms: float
    total_ms: float

    def as_json(self) -> dict[str, Any]:
        """Return the answer's document."""
        return {
            "predictions": [{"class": name, "score": score} for name, score in self.best],
            "all_scores": list(self.scores),
            "model": {
                "name": self.model.name,
                "version": self.model.version,
                "sha256": self.model.sha256,
            },
            "timing_ms": self.timing(),
        }

    def timing(self) -> dict[str, float]:
        """Return the times by name."""
        return {
            "decode": round(self.decode_ms, 3),
            "wait": round(self.wait_ms, 3),
            "inference": round(self.inference_ms, 3),
            "total": round(self.total_ms, 3),
        }


def blueprint(settings: Settings, service: Service) -> Blueprint:
    """Return the part of the application that answers programs."""
    made = Blueprint("api", __name__)

    @made.post(PREDICT)
    def post_predict() -> Response:
        return jsonify(
            predict(
                service,
                settings,
                lambda: uploads.content(request, settings),
                client_id(),
            ).as_json()
        )

    return made


def client_id() -> str:
    """Return what tells the current request's client from others, for the choice of a canary."""
    headers, cookies = request.headers, request.cookies
    return client_of(
        headers.get(CLIENT_HEADER), cookies.get(CLIENT_COOKIE), request.remote_addr or ""
    )


def client_of(header: str | None, cookie: str | None, address: str) -> str:
    """Return what tells a client from others by what it sent, or else by its address."""
    return header or cookie or hashlib.blake2b(address.encode(), digest_size=16).hexdigest()


def predict(
    service: Service,
    settings: Settings,
    content: bytes | Callable[[], bytes],
    client: str,
) -> Prediction:
    """Return what the model that a client gets takes a picture for.

    To be called while a request is handled, whose metrics and log line it feeds.

    Args:
        service: the models.
        settings: the limits.
        content: the picture's file, or what reads it once there is a place.
        client: as `client_id` gives it.

    Raises:
        Problem: There is no answer; it says why.
    """
    current = state.current()
    begun = float(request.environ.get(ARRIVED, time.monotonic()))
    model = service.choose(client)
    g.model = model
    outcome = metrics.FAULT
    try:
        _keep_rate(current)
        prediction = _answered(current, model, content, begun)
        outcome = metrics.OK
    except Refusal as refusal:
        outcome = metrics.outcome(refusal)
        if isinstance(refusal, Failed):
            g.cause = str(refusal.__cause__ or refusal)
        raise problems.of_refusal(refusal, settings.deadline_seconds) from refusal
    except Problem as problem:
        outcome = metrics.LIMITED if problem.slug == "rate-limited" else metrics.INVALID
        raise
    except HTTPException:  # the body is too large, or its client went away
        outcome = metrics.INVALID
        raise
    finally:
        g.outcome = outcome
        current.watching.count(model, outcome)
    g.timing = prediction.timing()
    return prediction


def _keep_rate(current: State) -> None:
    if current.rate_limit is None:
        return
    wait = current.rate_limit.take(request.remote_addr or "")
    if wait:
        raise Problem("rate-limited", f"Your address asks too often; try again in {wait} s.", wait)


def _answered(
    current: State, model: ServedModel, content: bytes | Callable[[], bytes], begun: float
) -> Prediction:
    deadline = begun + current.settings.deadline_seconds
    with _place(current.service, model) as place:
        started = time.monotonic()
        if started >= deadline:
            raise Late("no picture before it was decoded in time")
        file = content if isinstance(content, bytes) else content()
        pixels = pictures.read(file, model, current.settings)
        decoded = time.monotonic()
        current.watching.decoded(model, decoded - started)
        answer = place.answer(pixels, model, deadline)
    waited = started - begun + answer.waited_ms / 1000
    current.watching.answered(answer, waited)
    return _prediction(answer, decoded - started, waited, time.monotonic() - begun)


def _place(service: Service, model: ServedModel) -> Place:
    """Return the place that the request got when it arrived; without such a server, one now."""
    given: Place | Refusal | None = request.environ.get(PLACE)
    if isinstance(given, Refusal):
        raise given
    return service.enter(model) if given is None else given


def _prediction(
    answer: Answer, decode_seconds: float, wait_seconds: float, total_seconds: float
) -> Prediction:
    scores = tuple(float(score) for score in answer.scores)
    if not all(map(math.isfinite, scores)):
        raise Failed("the model's scores are not all numbers")
    order = np.argsort(-answer.scores, kind="stable")[:BEST]
    return Prediction(
        model=answer.model,
        best=tuple((answer.model.classes[index], scores[index]) for index in order),
        scores=scores,
        decode_ms=decode_seconds * 1000,
        wait_ms=wait_seconds * 1000,
        inference_ms=answer.inference_ms,
        total_ms=total_seconds * 1000,
    )
