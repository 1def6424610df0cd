"""What Prometheus is told: requests by outcome, and where their time goes.

Labelled by model and version only (and the outcome, of which there are a few), so that the number
of series is that of the models.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.process_collector import ProcessCollector

from slimbench.webapp.spec import Answer, Busy, Draining, Late, Refusal, ServedModel

OK, INVALID, LIMITED = "ok", "invalid", "limited"
BUSY, LATE, DRAINING, FAILED = "busy", "late", "draining", "failed"
FAULT = "fault"
OUTCOMES = (OK, INVALID, LIMITED, BUSY, LATE, DRAINING, FAILED, FAULT)

LABELS = ("model", "version")

SECONDS = (
    0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
    0.1, 0.25, 0.5, 1, 2.5, 5, 10,
)  # fmt: skip
"""A quantised network of a few thousand weights answers in a tenth of a millisecond."""

BATCHES = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32)


def outcome(refusal: Refusal) -> str:
    """Return the label of a refusal."""
    match refusal:
        case Busy():
            return BUSY
        case Late():
            return LATE
        case Draining():
            return DRAINING
        case _:
            return FAILED


@dataclass(frozen=True, slots=True)
class _Series:
    """One model's, looked up once."""

    inference: Histogram
    decode: Histogram
    wait: Histogram
    batch: Histogram


class Watching:
    """The metrics of one application, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._requests = Counter(
            "slimbench_requests",
            "Pictures that were asked about, by what became of them.",
            (*LABELS, "outcome"),
            registry=self.registry,
        )
        self._inference = self._histogram(
            "slimbench_inference_seconds", "Time in the model, of the whole batch.", SECONDS
        )
        self._decode = self._histogram(
            "slimbench_decode_seconds", "Time to read, check, decode and resize a picture.", SECONDS
        )
        self._wait = self._histogram(
            "slimbench_wait_seconds", "Time for a worker and the others of a batch.", SECONDS
        )
        self._batch = self._histogram(
            "slimbench_batch_size", "Pictures that went through the model together.", BATCHES
        )
        self.queue_depth = Gauge(
            "slimbench_queue_depth",
            "Places that are taken: pictures that are decoded, wait, or are computed on.",
            registry=self.registry,
        )
        self._series = functools.cache(self._make_series)
        self._count = functools.cache(self._make_count)

    def expect(self, model: ServedModel) -> None:
        """Show a model's series from the start, so that rates are right from its first request."""
        self._series(model.name, model.version)
        for each in OUTCOMES:
            self._count(model.name, model.version, each)

    def count(self, model: ServedModel, what: str) -> None:
        """Count a request by its outcome, one of `OUTCOMES`."""
        self._count(model.name, model.version, what).inc()

    def decoded(self, model: ServedModel, seconds: float) -> None:
        """Tell how long a picture's decoding took."""
        self._series(model.name, model.version).decode.observe(seconds)

    def answered(self, answer: Answer, waited: float) -> None:
        """Tell what an answer took, and how many seconds its picture waited."""
        series = self._series(answer.model.name, answer.model.version)
        series.inference.observe(answer.inference_ms / 1000)
        series.wait.observe(waited)
        series.batch.observe(answer.batch)

    def _histogram(self, name: str, help_text: str, buckets: tuple[float, ...]) -> Histogram:
        return Histogram(name, help_text, LABELS, registry=self.registry, buckets=buckets)

    def _make_series(self, name: str, version: str) -> _Series:
        return _Series(
            self._inference.labels(name, version),
            self._decode.labels(name, version),
            self._wait.labels(name, version),
            self._batch.labels(name, version),
        )

    def _make_count(self, name: str, version: str, what: str) -> Counter:
        return self._requests.labels(name, version, what)
