"""Putting a server under load: starting the generator, and what its figures say.

The open loop counts latency from the scheduled arrival, so that a server that stops for a while
cannot hide the requests that would have come meanwhile.
"""

from __future__ import annotations

import contextlib
import math
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from slimbench.paths import CODE
from slimbench.serving.job import Job, Load, job_to_json, load_from_json


@dataclass(slots=True)
class Running:
    """A generator at work; `result` waits for its end."""

    process: subprocess.Popen[str]

    def result(self) -> Load:
        """Return what became of the job; raises RuntimeError where the generator died."""
        out, err = self.process.communicate()
        if self.process.returncode != 0:
            lines = err.strip().splitlines()
            raise RuntimeError(
                f"the load generator ended with status {self.process.returncode}: "
                f"{lines[-1] if lines else 'it wrote no message'}"
            )
        return load_from_json(out)


@contextlib.contextmanager
def running(job: Job) -> Iterator[Running]:
    """Start a job in the generator's own process; it ends with the block at the latest."""
    process = subprocess.Popen(
        [sys.executable, "-m", "slimbench.serving.generator"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=CODE,
    )
    try:
        if process.stdin is None:
            raise RuntimeError("the load generator has no standard input")
        process.stdin.write(job_to_json(job))
        process.stdin.close()
        process.stdin = None
        yield Running(process)
    finally:
        if process.poll() is None:
            process.kill()
        with process:  # closes its pipes
            pass


def put_under(job: Job) -> Load:
    """Do a job from start to end."""
    with running(job) as generator:
        return generator.result()


def percentile_ms(load: Load, percent: float) -> float | None:
    """Return a percentile of the latencies of all requests, in ms.

    What was not answered rightly counts as never answered, so that a server gains nothing by
    answering some of them badly. None where the percentile falls among those, or there are none.
    """
    if not load.statuses:
        return None
    times = np.array(
        [
            math.inf if latency is None or not right else latency
            for latency, right in zip(load.latencies_ms, load.right, strict=True)
        ]
    )
    # No interpolation: between a number and infinity there is nothing.
    value = float(np.percentile(times, percent, method="higher"))
    return value if math.isfinite(value) else None


def lag_ms(load: Load, percent: float) -> float:
    """Return a percentile of how late requests were sent, in ms."""
    return float(np.percentile(load.lags_ms, percent)) if load.lags_ms else 0.0
