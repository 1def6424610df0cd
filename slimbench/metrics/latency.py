"""Time of one invocation, from the samples that pytest-benchmark's fixture took."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from slimbench.spec import (
    Figure,
    Group,
    Kind,
    Metric,
    Pixels,
    Reading,
    Session,
    Subject,
    Unmeasured,
)

P99_SAMPLES = 100

P50 = Figure(
    "latency_ms.p50",
    "ms",
    better="less",
    label="Inference time",
    label_fr="Temps d'inférence",
    title="Latency: median of single invocations",
    column="latency",
    judge="pairs",
    tolerance=0.03,
    stem="latency",
)
P90 = Figure(
    "latency_ms.p90",
    "ms",
    better="less",
    label="p90 latency",
    label_fr="Latence p90",
    judge="pairs",
    tolerance=None,
    stem="latency_p90",
)

ROUNDS_SECONDS = 1.0
FEWEST_ROUNDS = 30
MOST_ROUNDS = 1000


PILOT_INVOCATIONS = 3
"""Invocations that warm the model up, and by which the number of timed ones is chosen."""


def pilot(invoke: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> float:
    """Return the seconds of the fastest of a few first invocations."""
    seconds = []
    for _ in range(PILOT_INVOCATIONS):
        started = clock()
        invoke()
        seconds.append(clock() - started)
    return min(seconds)


def rounds_for(pilot_seconds: float) -> int:
    """Return how many single invocations to time, given about how long one takes.

    About a second's worth, between 30 and 1000; so at least 100, enough for a 99th percentile,
    where an invocation takes less than 10 ms.
    """
    if not pilot_seconds > 0:
        return MOST_ROUNDS
    return math.ceil(min(max(ROUNDS_SECONDS / pilot_seconds, FEWEST_ROUNDS), MOST_ROUNDS))


def time_invocations(benchmark: Any, session: Session, image: Pixels) -> Sequence[float]:
    """Time single invocations on an image with pytest-benchmark's fixture; return the seconds."""
    session.feed(image)
    rounds = rounds_for(pilot(session.invoke))
    benchmark.pedantic(session.invoke, rounds=rounds, warmup_rounds=PILOT_INVOCATIONS)
    samples: Sequence[float] = benchmark.stats.stats.data
    return samples


def summarise(seconds: Sequence[float]) -> dict[str, float | int | None]:
    """Return the distribution in ms, with numpy's default (linear) percentiles.

    `p99` is None under 100 samples: it would be little else than the slowest one.
    """
    times = np.asarray(seconds, np.float64) * 1e3
    p50, p90, p99 = (float(value) for value in np.percentile(times, (50, 90, 99)))
    return {
        "min": float(times.min()),
        "p50": p50,
        "p90": p90,
        "p99": p99 if len(times) >= P99_SAMPLES else None,
        "mean": float(times.mean()),
        "n": len(times),
    }


class Latency:
    """The distribution of single invocations, in ms."""

    keys: tuple[str, ...] = ("latency_ms",)
    figures: tuple[Figure, ...] = (
        P50,
        P90,
        Figure("latency_ms.n", "count", label="Timed invocations", label_fr="Inférences mesurées"),
    )
    group: Group = "latency"
    kind: Kind = "measure"

    def read(self, subject: Subject) -> Reading:
        """Summarise the samples; they are taken where pytest-benchmark's fixture is at hand."""
        if subject.samples is None or len(subject.samples) == 0:
            return {"latency_ms": Unmeasured("single invocations were not timed")}
        return {"latency_ms": summarise(subject.samples)}


METRICS: tuple[Metric, ...] = (Latency(),)
