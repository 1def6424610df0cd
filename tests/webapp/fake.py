"""A service without a runtime, which does what a test tells it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import numpy as np
from flask import Flask

from slimbench.spec import Pixels
from slimbench.webapp.app import create_app
from slimbench.webapp.settings import Settings
from slimbench.webapp.spec import Answer, Busy, Draining, Refusal, Scores, ServedModel

CLASSES = ("cat", "dog", "frog", "ship")

MODEL = ServedModel(
    name="tiny_f32",
    version="7",
    sha256="0f" * 32,
    file=Path("tiny.tflite"),
    classes=CLASSES,
    input_shape=(8, 8, 3),
    pixels="raw",
    history=Path("0001_run.json"),
    entry={},
    machine="machine",
    taken="2026-01-01T00:00:00+00:00",
)

Scorer = Callable[[Pixels], Scores]


def brightness(pixels: Pixels) -> Scores:
    """Return scores that tell one picture's brightness from another's."""
    share = float(pixels.mean()) / 255
    return np.array([share, 1 - share, 0.25, 0.125], np.float32)


class FakeService:
    """Follows `slimbench.webapp.spec.Service`.

    `refusal` is raised in place of an answer; where `gate` is not set, answers wait for it, those
    of `held` alone where that is a model. The client "new" gets the canary if there is one.
    """

    def __init__(self, places: int = 4, scorer: Scorer = brightness) -> None:
        self.stable = MODEL
        self.canary: ServedModel | None = None
        self.canary_problem: str | None = None
        self.places = places
        self.workers = 2
        self.scorer = scorer
        self.refusal: Refusal | None = None
        self.held: ServedModel | None = None
        self.gate = threading.Event()
        self.gate.set()
        self.waiting = threading.Semaphore(0)
        self.warm = True
        self.draining = False
        self.taken = 0
        self.clients: list[str] = []
        self.lock = threading.Condition()

    @property
    def ready(self) -> bool:
        return self.warm and not self.draining

    def choose(self, client: str) -> ServedModel:
        self.clients.append(client)
        return self.stable if self.canary is None or client != "new" else self.canary

    def at_once(self, model: ServedModel) -> int:  # noqa: ARG002 - one for all
        return self.workers

    def enter(self, model: ServedModel | None = None) -> Seat:  # noqa: ARG002 - one for all
        with self.lock:
            if not self.ready:
                raise Draining
            if self.taken == self.places:
                raise Busy(3)
            self.taken += 1
        return Seat(self)

    def leave(self) -> None:
        with self.lock:
            self.taken -= 1
            self.lock.notify_all()

    def drain(self, seconds: float) -> bool:
        with self.lock:
            self.draining = True
            return self.lock.wait_for(lambda: not self.taken, seconds)

    def close(self) -> None:
        pass


class Seat:
    def __init__(self, service: FakeService) -> None:
        self.service = service
        self.held = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.held:
            self.held = False
            self.service.leave()

    def answer(self, pixels: Pixels, model: ServedModel, deadline: float) -> Answer:
        assert deadline > time.monotonic() - 60
        self.service.waiting.release()
        if self.service.held is None or self.service.held is model:
            self.service.gate.wait()
        if self.service.refusal is not None:
            raise self.service.refusal
        assert pixels.shape == model.input_shape
        return Answer(model, self.service.scorer(pixels), 0.5, 2.0, 3)


def app_of(service: FakeService, **settings: Any) -> Flask:
    """Return the application around a service."""
    return create_app(Settings(**{"workers": 2, **settings}), service)
