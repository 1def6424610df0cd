"""A subject made by hand: what the suite would hand to a metric."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np

from slimbench import engines
from slimbench.spec import Case, Labels, Metric, PixelMode, Pixels, Session, Subject


@dataclass
class HandmadeSubject:
    session: Session | None = None
    case: Case = field(default_factory=lambda: Case("student_f32", "litert", 1))
    model: Path = Path("student.tflite")
    gzip_size: int | None = None
    reference: HandmadeSubject | None = None
    reference_reason: str = ""
    images: Pixels = field(default_factory=lambda: np.zeros((1, 4, 4, 3), np.uint8))
    labels: Labels = field(default_factory=lambda: np.zeros(1, np.int64))
    present: tuple[int, ...] | None = None
    no_accuracy_reason: str = ""
    pixels: PixelMode = "raw"
    samples: Sequence[float] | None = None
    values: dict[str, Any] = field(default_factory=dict)

    @property
    def example(self) -> Pixels:
        return np.asarray(self.images[0])

    def load(self, engine: str | None = None) -> Session:
        runtime = engines.get(engine or self.case.engine)
        return runtime.load(self.model, self.case.threads, self.pixels)

    def value(self, key: str) -> Any:
        return self.values[key]


def read(metric: Metric, subject: HandmadeSubject) -> dict[str, Any]:
    """Read a metric, which must return just its keys."""
    reading = dict(metric.read(cast(Subject, subject)))
    assert tuple(reading) == metric.keys
    return reading
