"""What belongs to one application: its settings, its models, and what it remembers of clients."""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from flask import Flask, current_app

from slimbench.webapp.metrics import Watching
from slimbench.webapp.settings import Settings
from slimbench.webapp.spec import Service

REMEMBERED = 10_000
"""Addresses; the one that asked longest ago is forgotten first, which fills its bucket."""


class RateLimit:
    """Token buckets by client, safe to share between threads.

    Args:
        rate: tokens that a bucket gains in a second.
        burst: tokens that fill it.
        clock: seconds that only grow.
    """

    def __init__(
        self, rate: float, burst: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rate = rate
        self._burst = burst
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, client: str) -> int:
        """Take a token; returns 0, or the whole seconds until there is one."""
        now = self._clock()
        with self._lock:
            tokens, since = self._buckets.pop(client, (float(self._burst), now))
            tokens = min(self._burst, tokens + (now - since) * self._rate)
            granted = tokens >= 1
            self._buckets[client] = (tokens - 1 if granted else tokens, now)
            if len(self._buckets) > REMEMBERED:
                self._buckets.popitem(last=False)
        return 0 if granted else max(1, math.ceil((1 - tokens) / self._rate))


KEY = "slimbench"


@dataclass(frozen=True, slots=True)
class State:
    """All that a request's handling needs; one per application."""

    settings: Settings
    service: Service
    watching: Watching
    rate_limit: RateLimit | None


def attach(app: Flask, settings: Settings, service: Service) -> None:
    """Make an application's `State`."""
    state = State(
        settings=settings,
        service=service,
        watching=Watching(),
        rate_limit=None if settings.rate is None else RateLimit(settings.rate, settings.rate_burst),
    )
    for model in (service.stable, service.canary):
        if model is not None:
            state.watching.expect(model)
    state.watching.queue_depth.set_function(lambda: service.taken)
    app.extensions[KEY] = state


def of(app: Flask) -> State:
    """Return an application's."""
    return cast(State, app.extensions[KEY])


def current() -> State:
    """Return that of the application which handles the current request."""
    return of(current_app)
