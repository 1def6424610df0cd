"""How long each variant takes: single invocations, side by side with the reference, first use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from slimbench.measurement.stopwatch import Stopwatch
from slimbench.metrics.latency import time_invocations
from slimbench.run.subject import MeasuredSubject
from slimbench.spec import Pixels


def test_latency(
    benchmark: Any,
    subject: MeasuredSubject,
    image: Pixels,
    stopwatch: Stopwatch,
    hold: Callable[[str], None],
) -> None:
    """A variant keeps its latency budgets."""
    session = subject.session
    with stopwatch.spending("measure"):
        subject.samples = time_invocations(benchmark, session, image)
    hold("latency")
