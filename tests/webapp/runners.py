"""Models without a runtime, that tests hold up, have fail, and watch."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from slimbench.spec import Pixels
from slimbench.webapp.inference.runner import Opened
from slimbench.webapp.manifest import Models
from slimbench.webapp.spec import Scores, ServedModel

SHAPE = (1, 1, 3)
BAD = 255
"""A picture whose first value is this makes the model raise."""

STABLE = ServedModel(
    name="tiny",
    version="1",
    sha256="0" * 64,
    file=Path("tiny.tflite"),
    classes=("first", "second"),
    input_shape=SHAPE,
    pixels="raw",
    history=Path("tiny.json"),
    entry={},
    machine="",
    taken="",
)
CANARY = replace(STABLE, version="2", sha256="1" * 64)
MODELS = Models(STABLE, CANARY, 0.5)


def picture(value: int) -> Pixels:
    return np.full(SHAPE, value, np.uint8)


class Held:
    """Loads runners that answer a picture's value once `go` is set."""

    def __init__(self, seconds: float = 0.0, most: int | None = None) -> None:
        self.go = threading.Event()
        self.seconds = seconds
        self.most = most
        self.entered = threading.Semaphore(0)
        self.seen: list[list[int]] = []
        self.runners: list[HeldRunner] = []

    def __call__(self, model: ServedModel, most: int) -> Opened:
        runner = HeldRunner(self, model, most if self.most is None else self.most)
        self.runners.append(runner)
        return Opened(runner, self.seconds)

    def wait_entered(self, count: int = 1) -> None:
        """Wait until so many more invocations have begun."""
        for _ in range(count):
            assert self.entered.acquire(timeout=30)

    @property
    def pictures(self) -> list[int]:
        return sorted(value for batch in self.seen for value in batch)


class HeldRunner:
    def __init__(self, held: Held, model: ServedModel, most: int) -> None:
        self.most = most
        self.closed = False
        self._held = held
        self._offset = 1000 * int(model.version)
        self._used = threading.Lock()

    def run(self, images: Sequence[Pixels]) -> tuple[list[Scores], float]:
        assert self._used.acquire(blocking=False), "two requests use one interpreter"
        try:
            assert not self.closed
            assert len(images) <= self.most
            values = [int(image.flat[0]) for image in images]
            self._held.seen.append(values)
            self._held.entered.release()
            assert self._held.go.wait(30)
            time.sleep(self._held.seconds)
            if BAD in values:
                raise RuntimeError("node number 3 failed to invoke")
            rows = [np.array([self._offset + value, 0], np.float32) for value in values]
            return rows, self._held.seconds
        finally:
            self._used.release()

    def close(self) -> None:
        self.closed = True
