"""What a load generator is told and what it tells, and how both cross to its process as JSON."""

from __future__ import annotations

import base64
import dataclasses
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

UNSENT = -1
"""Stands for the status of a request for which no connection became free."""


@dataclass(frozen=True, slots=True)
class Poisson:
    """Arrivals that wait for nobody: exponential gaps with a mean of 1 / `rate_per_s`.

    They go out over at most `connections` connections; one that finds none free waits its turn,
    and its latency runs from its own arrival all the same; one that has found none by the end is
    never sent. Then answers are awaited for `grace_s` seconds more.
    """

    rate_per_s: float
    seconds: float
    seed: int = 0
    connections: int = 256
    grace_s: float = 10.0


@dataclass(frozen=True, slots=True)
class Clients:
    """So many clients, each of which asks again when it has its answer.

    They stop after `seconds`, or when `count` requests were sent in all, and rest `pause_s`
    between two. `fresh` opens a connection for each request.
    """

    clients: int
    seconds: float
    count: int | None = None
    pause_s: float = 0.0
    fresh: bool = False


@dataclass(frozen=True, slots=True)
class Job:
    """Requests, sent round robin to a port of this machine, and what each should be answered.

    Of `expected`, one a request, None takes any answer with status 200 for right.
    """

    port: int
    requests: tuple[bytes, ...]
    expected: tuple[Any, ...]
    arrivals: Poisson | Clients
    limit_s: float = 30.0
    """How long a request may take."""

    def __post_init__(self) -> None:
        """Refuse a job whose answers could not be judged."""
        if not self.requests or len(self.requests) != len(self.expected):
            raise ValueError(
                f"a job needs one expected answer a request, not {len(self.expected)} for "
                f"{len(self.requests)}"
            )


@dataclass(frozen=True, slots=True)
class Load:
    """What became of each request, in the order of their arrivals.

    `latencies_ms` run from the scheduled arrival (from sending, for clients that wait) to the last
    byte, None where no answer came. `arrivals_s` count from `began`, of `time.perf_counter`, which
    on Linux all processes share. `lags_ms` say how late each was sent: beyond what the
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
    """Why there was no answer, and how often."""
    wrong: Sequence[str] = ()
    """The first few wrong answers, shortened."""

    def count(self, status: int) -> int:
        """Return how many ended with this status."""
        return sum(1 for each in self.statuses if each == status)

    @property
    def by_status(self) -> dict[int, int]:
        """How many ended with each status; `NO_ANSWER` and `UNSENT` are two of them."""
        return dict(sorted(Counter(self.statuses).items()))

    @property
    def right_count(self) -> int:
        """Answers with status 200 that were right."""
        return sum(self.right)

    @property
    def wrong_count(self) -> int:
        """Answers with status 200 that were not."""
        return self.count(200) - self.right_count


def job_to_json(job: Job) -> str:
    """Write a job for the generator's process."""
    content = dataclasses.asdict(job)
    content["requests"] = [base64.b64encode(each).decode() for each in job.requests]
    content["kind"] = type(job.arrivals).__name__
    return json.dumps(content)


def job_from_json(text: str) -> Job:
    """Read what `job_to_json` wrote."""
    content = json.loads(text)
    arrivals = content["arrivals"]
    return Job(
        port=content["port"],
        requests=tuple(base64.b64decode(each) for each in content["requests"]),
        expected=tuple(content["expected"]),
        arrivals=Poisson(**arrivals) if content["kind"] == "Poisson" else Clients(**arrivals),
        limit_s=content["limit_s"],
    )


def load_to_json(load: Load) -> str:
    """Write what became of a job."""
    return json.dumps(dataclasses.asdict(load))


def load_from_json(text: str) -> Load:
    """Read what `load_to_json` wrote."""
    return Load(**json.loads(text))
