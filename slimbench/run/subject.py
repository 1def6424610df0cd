"""One case under measurement: its model, its reference, and what was read off it so far."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from slimbench import engines, metrics
from slimbench.datasets.evaluation import Evaluation
from slimbench.errors import UsageProblem
from slimbench.measurement.stopwatch import Stopwatch
from slimbench.spec import Case, Group, Labels, Metric, PixelMode, Pixels, Session

NOTHING: Pixels = np.empty((0, 0, 0, 0), np.uint8)
NO_LABELS: Labels = np.empty(0, np.int64)


class MeasuredSubject:
    """A `slimbench.spec.Subject` that reads each metric once, when it is first asked for."""

    def __init__(  # noqa: PLR0913 - everything a metric may look at
        self,
        case: Case,
        model: Path,
        *,
        evaluation: Evaluation | None,
        stopwatch: Stopwatch,
        no_accuracy_reason: str = "",
        pixels: PixelMode = "raw",
        gzip_size: int | None = None,
        reference: MeasuredSubject | None = None,
        is_reference: bool = False,
        reference_reason: str = "",
    ) -> None:
        self.case = case
        self.model = model
        self.gzip_size = gzip_size
        self.images: Pixels = NOTHING if evaluation is None else evaluation.images
        self.labels: Labels = NO_LABELS if evaluation is None else evaluation.labels
        self.present = None if evaluation is None else evaluation.present
        self.no_accuracy_reason = no_accuracy_reason
        self.pixels: PixelMode = pixels
        self.reference: MeasuredSubject | None = self if is_reference else reference
        self.reference_reason = reference_reason
        self.samples: Sequence[float] | None = None
        self.input_shape: tuple[int, ...] = self.images.shape[1:]
        self.readings: dict[str, Any] = {}
        self._stopwatch = stopwatch
        self._session: Session | None = None

    @property
    def session(self) -> Session:
        """The model, loaded on first use."""
        if self._session is None:
            with self._stopwatch.spending("measure"):
                self._session = self.load()
            self.input_shape = self._session.input_shape
        return self._session

    @property
    def example(self) -> Pixels:
        """The first image that is scored, or noise of the model's size where there is none."""
        if len(self.images):
            return np.asarray(self.images[0])
        shape = self.session.input_shape[1:]
        return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)

    def load(self, engine: str | None = None) -> Session:
        """Load the model once more, on its own engine or on another."""
        runtime = engines.get(engine or self.case.engine)
        return runtime.load(self.model, self.case.threads, self.pixels)

    def value(self, key: str) -> Any:
        """Return a metric's value or `Unmeasured`, reading it now if that was not done yet."""
        if key not in self.readings:
            self._read(_metric_of(key))
        return self.readings[key]

    def read_group(self, group: Group) -> None:
        """Read every metric of a benchmark."""
        for metric in metrics.for_group(group):
            if any(key not in self.readings for key in metric.keys):
                self._read(metric)

    def close(self) -> None:
        """Free the model; what was read stays."""
        if self._session is not None:
            self._session.close()
            self._session = None

    def _read(self, metric: Metric) -> None:
        with self._stopwatch.spending(metric.kind):
            self.readings.update(metric.read(self))


def _metric_of(key: str) -> Metric:
    for metric in metrics.all_metrics():
        if key in metric.keys:
            return metric
    raise UsageProblem(f"No metric reads {key!r}.")
