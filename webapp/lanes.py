"""Which thread handles a request: probes and metrics have one of their own.

So no number of other requests delays them, and a server under load is not taken for a dead one.
"""

from __future__ import annotations

import threading
import time
from typing import Any

from waitress.task import ThreadedTaskDispatcher

from webapp.probes import PATHS

PROBE_THREADS = 1


class _Mark:
    """Tells when all that was queued before it has been begun."""

    def __init__(self) -> None:
        self.passed = threading.Event()

    def service(self) -> None:
        """Be reached."""
        self.passed.set()

    def cancel(self) -> None:
        """Be dropped with the others."""
        self.passed.set()


class Lanes:
    """Waitress's dispatcher twice: for pictures and pages, and for probes.

    Args:
        threads: those for pictures and pages.
    """

    def __init__(self, threads: int) -> None:
        self._usual = ThreadedTaskDispatcher()
        self._usual.set_thread_count(threads)
        self._probes = ThreadedTaskDispatcher()
        self._probes.set_thread_count(PROBE_THREADS)

    def add_task(self, channel: Any) -> None:
        """Hand a connection to a thread, to handle the first of its requests."""
        request = channel.requests[0]
        request.arrived = time.monotonic()
        lane = self._probes if getattr(request, "path", "") in PATHS else self._usual
        lane.add_task(channel)

    def catch_up(self, seconds: float) -> bool:
        """Wait until all that waits now for a thread has got one; False if it took longer."""
        mark: Any = _Mark()
        self._usual.add_task(mark)
        return bool(mark.passed.wait(seconds))

    def shutdown(self) -> None:
        """End the threads; what is still queued is dropped."""
        for lane in (self._usual, self._probes):
            lane.shutdown(cancel_pending=True, timeout=1)
