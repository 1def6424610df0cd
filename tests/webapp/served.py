"""What the pages are tested with: a small model of digits, answers that a test decides."""

from __future__ import annotations

import dataclasses
import io
from collections import deque
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from slimbench.paths import CODE
from slimbench.webapp.measured import measurement, served
from slimbench.webapp.spec import Refusal, ServedModel
from tests.webapp.fake import FakeService, Seat

DIGITS = "student_distilled_static_wi8_ai8"
MEASURED = (CODE / "results") / "published" / "digits" / "0001_5d1b2d3a57bc_20261122_233845.json"

SCORES = (0.0, 0.0, 0.02, 0.0, 0.0, 0.9, 0.0, 0.0, 0.08, 0.0)
"""A clear five."""


class PageService(FakeService):
    """Has a model of digits; refuses what is in `refusals` first, then answers `scores`."""

    def __init__(self) -> None:
        super().__init__(places=8, scorer=lambda _: np.array(self.scores, np.float32))
        self.stable = digits_model()
        self.scores: tuple[float, ...] = SCORES
        self.refusals: deque[Refusal] = deque()
        self.entered = 0

    def choose(self, client: str) -> ServedModel:
        super().choose(client)
        return self.canary or self.stable

    def enter(self, model: ServedModel | None = None) -> Seat:
        self.entered += 1
        if self.refusals:
            raise self.refusals.popleft()
        return super().enter(model)


def digits_model() -> ServedModel:
    """Return a real model with its measurement."""
    file = Path(__file__).with_name("digits_model") / f"{DIGITS}.tflite"
    return served(measurement(MEASURED, DIGITS), "1", file, tuple("0123456789"))


def changed(model: ServedModel, **figures: Any) -> ServedModel:
    """Return a model whose entry has other figures; a Reason makes one unmeasured."""
    entry = dict(model.entry)
    entry["reasons"] = dict(entry["reasons"])
    for key, value in figures.items():
        if isinstance(value, Reason):
            entry["reasons"][key] = value.text
            entry[key] = None
        else:
            entry[key] = value
    return dataclasses.replace(model, entry=entry)


@dataclasses.dataclass(frozen=True)
class Reason:
    text: str


def picture(width: int = 40, height: int = 40, kind: str = "PNG") -> bytes:
    """Return a picture's file, a grey ramp."""
    ramp = np.add.outer(np.linspace(0, 127, height), np.linspace(0, 127, width))
    file = io.BytesIO()
    Image.fromarray(ramp.astype(np.uint8)).convert("RGB").save(file, kind)
    return file.getvalue()
