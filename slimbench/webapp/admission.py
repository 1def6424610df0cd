"""Which thread handles a request, decided as soon as it has arrived whole.

A picture takes its place in the queue right then, and waits for a worker of its model: stable waits
for no canary. One that has waited until its deadline is told so by another thread. What finds no
place is refused by the loop itself, which also says that it lives: a thread would first have to be
woken, and get Python's interpreter lock from those that work on pictures. Pages have threads of
their own, and so have the other probes, so that no number of pictures delays them.
"""

from __future__ import annotations

import math
import time
from collections import deque
from typing import Any

from waitress.task import ThreadedTaskDispatcher

from slimbench.webapp.connection import NoPlace
from slimbench.webapp.environ_keys import PREDICT, TAKE_PICTURES
from slimbench.webapp.load_shedding import client
from slimbench.webapp.probes import LIVE, PATHS
from slimbench.webapp.spec import Refusal, Service
from slimbench.webapp.workers import Workers

PROBE_THREADS = LATE_THREADS = 1
"""Those for probes, and for pictures that are late before a worker had time."""

OTHER_THREADS = 4
"""Those for pages."""

LAST_SECONDS = 1
"""How long threads may take to end."""


class Lanes:
    """Workers for pictures with a place, and waitress's dispatcher for probes and for the rest.

    Args:
        service: gives the places.
        workers: how many threads handle the pictures of each model.
        deadline_seconds: how long a picture may wait for one of them.
    """

    def __init__(self, service: Service, workers: int, deadline_seconds: float) -> None:
        self._service = service
        self._deadline_seconds = deadline_seconds
        self._at_once: deque[Any] = deque()
        self.stable, self._canary = Workers(workers), Workers(workers)
        self._others = _threads(OTHER_THREADS)
        self._late = _threads(LATE_THREADS)
        self._probes = _threads(PROBE_THREADS)

    def add_task(self, channel: Any) -> None:
        """Hand a connection to a thread or the loop, to handle the first of its requests."""
        request = channel.requests[0]
        request.arrived = time.monotonic()
        path = "/" + request.path.lstrip("/")  # as the application gets it from waitress
        lane = self._lane(channel, request, path)
        # Behind an answer that is still sent, or where the loop would not notice, a thread has it.
        can_be_here = not channel.total_outbufs_len and channel.server.loop.is_here()
        if can_be_here and request.error is None and path == LIVE:
            self._at_once.appendleft(channel)
        elif can_be_here and request.refusal is not None and path == PREDICT:
            request.error = NoPlace("")
            self._at_once.append(channel)
        else:
            lane.add_task(channel)

    def turn(self) -> float:
        """Do what the loop's own thread does; returns in how many seconds there is more of it.

        It answers one of those that it answers itself: not all, since meanwhile it would take no
        probe in.
        """
        if self._at_once:
            self._at_once.popleft().service()
        left = self._hand_over_late()
        return 0 if self._at_once else left

    def _hand_over_late(self) -> float:
        """Have the pictures told that are late before a worker had time.

        Returns in how many seconds the next one is.
        """
        earliest = math.inf
        for lane in (self.stable, self._canary):
            since = lane.waits_since()
            if since is None:
                continue
            now = time.monotonic()
            if (left := since + self._deadline_seconds - now) <= 0:
                for channel in lane.taken_back(now - self._deadline_seconds):
                    self._late.add_task(channel)
            earliest = min(earliest, max(left, 0.0))
        return earliest

    def shutdown(self) -> None:
        """End the threads; what is still queued is dropped."""
        for workers in (self.stable, self._canary):
            workers.shutdown(LAST_SECONDS)
        for lane in (self._others, self._late, self._probes):
            lane.shutdown(cancel_pending=True, timeout=LAST_SECONDS)

    def _lane(self, channel: Any, request: Any, path: str) -> Workers | ThreadedTaskDispatcher:
        if request.error is not None:
            return self._others
        if path in PATHS:
            return self._probes
        if request.command == "POST" and path in TAKE_PICTURES:
            canary = self._service.canary
            for_canary = (
                canary is not None
                and self._service.choose(client(request, channel.addr[0])) is canary
            )
            try:
                request.place = self._service.enter(canary if for_canary else None)
            except Refusal as refusal:
                request.refusal = refusal
            else:
                return self._canary if for_canary else self.stable
        return self._others


def _threads(count: int) -> ThreadedTaskDispatcher:
    dispatcher = ThreadedTaskDispatcher()
    dispatcher.set_thread_count(count)
    return dispatcher
