"""Which thread handles a request, decided as soon as it has arrived whole.

A picture takes its place in the queue right then, and waits for a worker; one that has waited until
its deadline is told so by another thread. What finds no place is refused by the loop itself, which
also says that it lives: a thread would first have to be woken, and get Python's interpreter lock
from those that work on pictures. Pages have threads of their own, and so have the other probes, so
that no number of pictures delays them.
"""

from __future__ import annotations

import math
import time
from collections import deque
from typing import Any

from waitress.task import ThreadedTaskDispatcher

from webapp.arrival import PREDICT, TAKE_PICTURES
from webapp.connection import NoPlace
from webapp.probes import LIVE, PATHS
from webapp.spec import Refusal, Service
from webapp.workers import Workers

PROBE_THREADS = 1

OTHER_THREADS = 4
"""Those for pages, and for pictures that are late before a worker had time."""

LAST_SECONDS = 1
"""How long threads may take to end."""


class Lanes:
    """Workers for pictures with a place, and waitress's dispatcher for probes and for the rest.

    Args:
        service: gives the places.
        workers: how many threads handle pictures.
        deadline_seconds: how long a picture may wait for one of them.
    """

    def __init__(self, service: Service, workers: int, deadline_seconds: float) -> None:
        self._service = service
        self._deadline_seconds = deadline_seconds
        self._at_once: deque[Any] = deque()
        self._pictures = Workers(workers)
        self._others = _threads(OTHER_THREADS)
        self._probes = _threads(PROBE_THREADS)

    def add_task(self, channel: Any) -> None:
        """Hand a connection to a thread or the loop, to handle the first of its requests."""
        request = channel.requests[0]
        request.arrived = time.monotonic()
        lane = self._lane(request)
        # Behind an answer that is still sent, or where the loop would not notice, a thread has it.
        can_be_here = not channel.total_outbufs_len and channel.server.loop.is_here()
        if can_be_here and request.error is None and request.path == LIVE:
            self._at_once.appendleft(channel)
        elif can_be_here and request.refusal is not None and request.path == PREDICT:
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
        """Have the pictures told that are late before a worker had time."""
        oldest = self._pictures.waits_since()
        if oldest is None:
            return math.inf
        now = time.monotonic()
        if (left := oldest + self._deadline_seconds - now) > 0:
            return left
        for channel in self._pictures.taken_back(now - self._deadline_seconds):
            self._others.add_task(channel)
        return 0

    def shutdown(self) -> None:
        """End the threads; what is still queued is dropped."""
        self._pictures.shutdown(LAST_SECONDS)
        for lane in (self._others, self._probes):
            lane.shutdown(cancel_pending=True, timeout=LAST_SECONDS)

    def _lane(self, request: Any) -> Workers | ThreadedTaskDispatcher:
        if request.error is not None:
            return self._others
        if request.path in PATHS:
            return self._probes
        if request.command == "POST" and request.path in TAKE_PICTURES:
            try:
                request.place = self._service.enter()
            except Refusal as refusal:
                request.refusal = refusal
            else:
                return self._pictures
        return self._others


def _threads(count: int) -> ThreadedTaskDispatcher:
    dispatcher = ThreadedTaskDispatcher()
    dispatcher.set_thread_count(count)
    return dispatcher
