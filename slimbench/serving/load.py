"""Load tests: what is sent to a server at which rate, its result, and the process that does it.

Under Poisson arrivals latency counts from the scheduled arrival, so that a server that stops for a
while cannot hide the requests that would have come meanwhile.
"""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import json
import math
import subprocess
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from slimbench.child_process import ending, exit_words, python_module
from slimbench.paths import CODE

UNSENT = -1
"""Stands for the status of a request for which no connection became free."""


@dataclass(frozen=True, slots=True)
class Poisson:
    """Arrivals that wait for nobody: exponential gaps with a mean of 1 / `rate_per_s`.

    They go out over at most `connections` connections; one that finds none free waits its turn,
    and its latency runs from its own arrival all the same; one that has found none by the end is
    never sent. Then responses are awaited for `grace_s` seconds more.
    """

    rate_per_s: float
    seconds: float
    seed: int = 0
    connections: int = 256
    grace_s: float = 10.0


@dataclass(frozen=True, slots=True)
class Clients:
    """A number of clients, each of which sends a request when it has the last one's response.

    They stop after `seconds`, or when `count` requests were sent in all, and rest `pause_s`
    between two. `fresh` opens a connection for each request.
    """

    clients: int
    seconds: float
    count: int | None = None
    pause_s: float = 0.0
    fresh: bool = False


@dataclass(frozen=True, slots=True)
class LoadTest:
    """Requests, sent round robin to a port of this machine, and the response expected to each.

    Of `expected`, one a request, None takes any response with status 200 for right.
    """

    port: int
    requests: tuple[bytes, ...]
    expected: tuple[Any, ...]
    arrivals: Poisson | Clients
    limit_s: float = 30.0
    """How long a request may take."""

    def __post_init__(self) -> None:
        """Refuse a test whose responses could not be judged."""
        if not self.requests or len(self.requests) != len(self.expected):
            raise ValueError(
                f"a job needs one expected answer a request, not {len(self.expected)} for "
                f"{len(self.requests)}"
            )


@dataclass(frozen=True, slots=True)
class LoadResult:
    """The outcome of each request, in the order of their arrivals.

    `latencies_ms` run from the scheduled arrival (from sending, for clients that wait) to the last
    byte, None where no response came. `arrivals_s` count from `began`, of `time.perf_counter`,
    which on Linux all processes share. `lags_ms` say how late each was sent: beyond what the
    connections make it wait, they are the generator's own fault.
    """

    began: float
    seconds: float
    arrivals_s: Sequence[float]
    statuses: Sequence[int]
    right: Sequence[bool]
    latencies_ms: Sequence[float | None]
    lags_ms: Sequence[float]
    faults: Mapping[str, int] = field(default_factory=dict)
    """Why there was no response, and how often."""
    wrong: Sequence[str] = ()
    """The first few wrong responses, shortened."""

    def count(self, status: int) -> int:
        """Return how many ended with this status."""
        return self.statuses.count(status)

    @property
    def by_status(self) -> dict[int, int]:
        """How many ended with each status; `NO_RESPONSE` and `UNSENT` are two of them."""
        return dict(sorted(Counter(self.statuses).items()))

    @property
    def right_count(self) -> int:
        """Responses with status 200 that were right."""
        return sum(self.right)

    @property
    def wrong_count(self) -> int:
        """Responses with status 200 that were not."""
        return self.count(200) - self.right_count

    def percentile_ms(self, percent: float) -> float | None:
        """Return a percentile of the latencies of all requests, in ms.

        What was not answered rightly counts as never answered, so that a server gains nothing by
        answering some of them badly. None where the percentile falls among those, or there are
        none.
        """
        if not self.statuses:
            return None
        times = np.array(
            [
                math.inf if latency is None or not right else latency
                for latency, right in zip(self.latencies_ms, self.right, strict=True)
            ]
        )
        # No interpolation: between a number and infinity there is nothing.
        value = float(np.percentile(times, percent, method="higher"))
        return value if math.isfinite(value) else None


@dataclass(slots=True)
class RunningTest:
    """A load test under way; `result` waits for its end."""

    process: subprocess.Popen[str]

    def result(self) -> LoadResult:
        """Return the test's result; raises RuntimeError where the generator died."""
        out, err = self.process.communicate()
        if self.process.returncode != 0:
            how = ending(exit_words(self.process.returncode), err)
            raise RuntimeError(f"the load generator ended: {how}")
        return result_from_json(out)


@contextlib.contextmanager
def running(test: LoadTest) -> Iterator[RunningTest]:
    """Start a test in the generator's own process; it ends with the block at the latest."""
    process = subprocess.Popen(
        python_module("slimbench.serving.generator"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=CODE,
    )
    try:
        if process.stdin is None:
            raise RuntimeError("the load generator has no standard input")
        process.stdin.write(load_test_to_json(test))
        process.stdin.close()
        process.stdin = None
        yield RunningTest(process)
    finally:
        if process.poll() is None:
            process.kill()
        with process:  # closes its pipes
            pass


def run(test: LoadTest) -> LoadResult:
    """Run a test from start to end."""
    with running(test) as generator:
        return generator.result()


def load_test_to_json(test: LoadTest) -> str:
    """Write a test for the generator's process."""
    content = dataclasses.asdict(test)
    content["requests"] = [base64.b64encode(request).decode() for request in test.requests]
    content["kind"] = type(test.arrivals).__name__
    return json.dumps(content)


def load_test_from_json(text: str) -> LoadTest:
    """Read what `load_test_to_json` wrote."""
    content = json.loads(text)
    arrivals = content["arrivals"]
    return LoadTest(
        port=content["port"],
        requests=tuple(base64.b64decode(request) for request in content["requests"]),
        expected=tuple(content["expected"]),
        arrivals=Poisson(**arrivals) if content["kind"] == "Poisson" else Clients(**arrivals),
        limit_s=content["limit_s"],
    )


def result_to_json(result: LoadResult) -> str:
    """Write a test's result."""
    return json.dumps(dataclasses.asdict(result))


def result_from_json(text: str) -> LoadResult:
    """Read what `result_to_json` wrote."""
    return LoadResult(**json.loads(text))
