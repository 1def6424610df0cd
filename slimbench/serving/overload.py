"""Far more requests than a server can take: what it answers, and how soon it is itself again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from slimbench.serving.figures import Overload
from slimbench.serving.job import UNSENT, Clients, Job, Load, Poisson
from slimbench.serving.load import percentile_ms, running
from slimbench.serving.messages import get

AFTER_S = 8.0
"""How long an ordinary client goes on asking when the overload is over."""

PROBE_PAUSE_S = 0.05
CLIENT_PAUSE_S = 0.05
CONNECTIONS = 256


def overload(
    questions: Job, rate_per_s: float, factor: float, seconds: float, limit_ms: float
) -> Overload:
    """Send `factor` times a rate for so many seconds and watch the server from beside.

    A prober asks for `/livez` meanwhile, each time over a new connection as orchestrators do, and
    an ordinary client goes on asking until some seconds after the end: from when on all its
    answers are right and take at most `limit_ms`, the server is itself again.
    """
    offered = factor * rate_per_s
    flood = Poisson(offered, seconds, connections=CONNECTIONS)
    prober = Clients(1, seconds, pause_s=PROBE_PAUSE_S, fresh=True)
    ordinary = Clients(1, seconds + AFTER_S, pause_s=CLIENT_PAUSE_S)
    probing = Job(questions.port, (get("/livez"),), (None,), prober, limit_s=5.0)
    with (
        running(replace(questions, arrivals=ordinary)) as client,
        running(probing) as probe,
        running(replace(questions, arrivals=flood)) as flooding,
    ):
        flooded, probed, served = flooding.result(), probe.result(), client.result()
    statuses = {str(status): count for status, count in flooded.by_status.items()}
    unsent = statuses.pop(str(UNSENT), 0)
    return Overload(
        factor=factor,
        seconds=seconds,
        offered_per_s=offered,
        statuses=statuses,
        wrong=flooded.wrong_count,
        unsent=unsent,
        livez_p99_ms=percentile_ms(probed, 99),
        livez_failed=len(probed.statuses) - probed.right_count,
        recovery_s=recovery_s(served, flooded.began + seconds, limit_ms),
    )


def recovery_s(served: Load, end: float, limit_ms: float) -> float | None:
    """Return the seconds from `end` until a client was served as before; None if it never was.

    `end` is of `time.perf_counter`. As before: from then on, every answer that was asked for is
    right and took at most `limit_ms`.
    """
    after = [
        (served.began + arrival - end, _is_good(right, latency, limit_ms))
        for arrival, right, latency in zip(
            served.arrivals_s, served.right, served.latencies_ms, strict=True
        )
        if served.began + arrival >= end
    ]
    return _since_when(after)


def _since_when(after: Sequence[tuple[float, bool]]) -> float | None:
    start: float | None = None
    for at, good in after:
        if not good:
            start = None
        elif start is None:
            start = at
    return start


def _is_good(right: bool, latency: float | None, limit_ms: float) -> bool:
    return right and latency is not None and latency <= limit_ms
