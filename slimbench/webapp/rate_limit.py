"""How often one address may ask: a bucket of tokens each, which fills at a steady rate."""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

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
