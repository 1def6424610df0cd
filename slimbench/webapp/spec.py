"""The words that the web application's modules share: what is served, and what an answer is.

Nothing here computes, and nothing of Flask, Pillow or a runtime is imported.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from slimbench.spec import PixelMode, Pixels

Scores = npt.NDArray[np.float32]
"""One score a class, shape (classes,), dequantised, as the benchmark's engine returns them."""


@dataclass(frozen=True, slots=True)
class ServedModel:
    """One version of a model as the manifest names it, its file verified by its sha256.

    `history` is the run that measured it and `entry` its row there (an `extra_info`), the only
    source of figures that are shown; `machine` and `taken` say where and when that was.
    """

    name: str
    version: str
    sha256: str
    file: Path
    classes: tuple[str, ...]
    input_shape: tuple[int, int, int]
    pixels: PixelMode
    history: Path
    entry: Mapping[str, Any]
    machine: str
    taken: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model answered to one picture, and how long that took, in milliseconds."""

    model: ServedModel
    scores: Scores
    waited_ms: float
    """From decoded until the model began: for the others of its batch, or for an interpreter."""
    inference_ms: float
    """Of the whole batch that it was in."""
    batch: int


class Refusal(Exception):
    """A picture was not answered; each subclass is one reason."""


class Busy(Refusal):
    """All places are taken. `retry_after` is in whole seconds, at least 1."""

    def __init__(self, retry_after: int) -> None:
        super().__init__("All workers are busy and the queue is full.")
        self.retry_after = retry_after


class Late(Refusal):
    """The deadline passed before there was an answer."""


class Draining(Refusal):
    """The server is going down, or not warmed up yet, and takes nothing new."""


class Failed(Refusal):
    """The runtime raised on this picture; only this request is lost."""


class Place(Protocol):
    """A place in the queue, taken before a picture is decoded so that nothing is decoded in vain.

    A context manager: leaving it gives the place back, leaving it again does nothing.
    """

    def __enter__(self) -> Place: ...

    def __exit__(self, *_: object) -> None: ...

    def answer(self, pixels: Pixels, model: ServedModel, deadline: float) -> Answer:
        """Wait for the answer until `deadline` (of `time.monotonic`); raises Late or Failed."""
        ...


class Service(Protocol):
    """All models that are served, each with its workers."""

    stable: ServedModel
    canary: ServedModel | None
    canary_problem: str | None
    """Why there is no canary although the manifest names one; stable does not care."""

    @property
    def taken(self) -> int:
        """How many places are taken now."""
        ...

    @property
    def ready(self) -> bool:
        """Whether every worker is warmed up and nothing is being drained."""
        ...

    def choose(self, client: str) -> ServedModel:
        """Return stable or canary for a client id, always the same for the same weight."""
        ...

    def at_once(self, model: ServedModel) -> int:
        """Return how many of a model's pictures are worked on at once; the others wait."""
        ...

    def enter(self, model: ServedModel | None = None) -> Place:
        """Take a place for a model, stable by default; raises Busy or Draining."""
        ...

    def drain(self, seconds: float) -> bool:
        """Take nothing new and wait for what was accepted; False if it took longer."""
        ...

    def close(self) -> None:
        """End the workers."""
        ...
