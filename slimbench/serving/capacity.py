"""A server's capacity: the highest rate of arrivals that it sustains, and overload beyond it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from slimbench.serving.figures import Overload
from slimbench.serving.load import UNSENT, Clients, LoadResult, LoadTest, Poisson, running
from slimbench.serving.messages import get

ATTEMPTS = 2
"""How often a rate is tried before it counts as too high: a neighbour's second of work is no
property of the server."""

AFTER_S = 8.0
"""How long an ordinary client goes on asking when the overload is over."""

PROBE_PAUSE_S = 0.05
CLIENT_PAUSE_S = 0.05
CONNECTIONS = 256


@dataclass(frozen=True, slots=True)
class Trial:
    """A rate that was tried, its 99th percentile (None: endless), and whether it was sustained."""

    rate_per_s: float
    p99_ms: float | None
    sustained: bool


def highest_rate(
    attempt: Callable[[float], Trial], low: float, high: float, steps: int
) -> tuple[Trial | None, list[Trial]]:
    """Search between two rates by halving their ratio.

    Args:
        attempt: tries a rate, in requests per second.
        low: where to begin; halved as often as needed, at most `steps` times, until it is
            sustained.
        high: taken as too high, and not tried.
        steps: how many rates to try between a sustained and a broken one; the result then is
            within a factor (high / low) ** (1 / 2 ** steps) of the truth.

    Returns:
        The highest sustained trial, None without one, and all trials.

    Raises:
        ValueError: The rates are not positive and ascending.
    """
    if not 0 < low < high:
        raise ValueError(f"rates from {low} to {high} cannot be searched")
    trials: list[Trial] = []

    def repeated(rate: float) -> Trial:
        for _ in range(ATTEMPTS):
            trials.append(attempt(rate))
            if trials[-1].sustained:
                break
        return trials[-1]

    best = repeated(low)
    for _ in range(steps):
        if best.sustained:
            break
        low, high = low / 2, low
        best = repeated(low)
    if not best.sustained:
        return None, trials
    for _ in range(steps):
        middle = math.sqrt(low * high)
        trial = repeated(middle)
        if trial.sustained:
            best, low = trial, middle
        else:
            high = middle
    return best, trials


def overload(
    test: LoadTest, rate_per_s: float, factor: float, seconds: float, limit_ms: float
) -> Overload:
    """Send a test's requests at `factor` times a rate and observe the server meanwhile.

    A prober asks for `/livez` meanwhile, each time over a new connection as orchestrators do, and
    an ordinary client goes on asking until some seconds after the end: from when on all its
    responses are right and take at most `limit_ms`, the server has recovered.
    """
    offered = factor * rate_per_s
    flood = Poisson(offered, seconds, connections=CONNECTIONS)
    prober = Clients(1, seconds, pause_s=PROBE_PAUSE_S, fresh=True)
    ordinary = Clients(1, seconds + AFTER_S, pause_s=CLIENT_PAUSE_S)
    probing = LoadTest(test.port, (get("/livez"),), (None,), prober, limit_s=5.0)
    with (
        running(replace(test, arrivals=ordinary)) as client,
        running(probing) as probe,
        running(replace(test, arrivals=flood)) as flooding,
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
        livez_p99_ms=probed.percentile_ms(99),
        livez_failed=len(probed.statuses) - probed.right_count,
        recovery_s=recovery_s(served, flooded.began + seconds, limit_ms),
    )


def recovery_s(served: LoadResult, end: float, limit_ms: float) -> float | None:
    """Return the seconds from `end` until a client was served as before; None if it never was.

    `end` is of `time.perf_counter`. As before: from then on, every request got a right response
    within `limit_ms`.
    """
    after = [
        (served.began + arrival - end, _is_good(right, latency, limit_ms))
        for arrival, right, latency in zip(
            served.arrivals_s, served.right, served.latencies_ms, strict=True
        )
        if served.began + arrival >= end
    ]
    return _good_since(after)


def _good_since(after: Sequence[tuple[float, bool]]) -> float | None:
    since: float | None = None
    for at, good in after:
        if not good:
            since = None
        elif since is None:
            since = at
    return since


def _is_good(right: bool, latency: float | None, limit_ms: float) -> bool:
    return right and latency is not None and latency <= limit_ms
