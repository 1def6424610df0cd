"""Which thread handles a request, decided as soon as it has arrived whole.

A picture takes its place in the queue right then, and there is a thread for each place: what is
taken in never waits for a thread. What finds no place is refused by the loop itself, which also
says that it lives: a thread would first have to be woken, and get Python's interpreter lock from
those that work on pictures. Pages have threads of their own, and so have the other probes, so that
no number of pictures delays them.
"""

from __future__ import annotations

import time
from collections import deque
from typing import Any

from waitress.task import ThreadedTaskDispatcher

from webapp.arrival import PREDICT, TAKE_PICTURES
from webapp.connection import NoPlace
from webapp.probes import LIVE, PATHS
from webapp.spec import Refusal, Service

PROBE_THREADS = 1

OTHER_THREADS = 4
"""Those for pages."""


class Lanes:
    """Waitress's dispatcher three times: for pictures with a place, for probes, and for the rest.

    Args:
        service: gives the places.
        places: how many of them there are.
    """

    def __init__(self, service: Service, places: int) -> None:
        self._service = service
        self._at_once: deque[Any] = deque()
        self._pictures = _threads(places)
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

    def answer_one(self) -> bool:
        """Answer one of those that the loop's own thread answers; returns whether more wait.

        Not all, since meanwhile the loop would take no probe in.
        """
        if self._at_once:
            self._at_once.popleft().service()
        return bool(self._at_once)

    def shutdown(self) -> None:
        """End the threads; what is still queued is dropped."""
        for lane in (self._pictures, self._others, self._probes):
            lane.shutdown(cancel_pending=True, timeout=1)

    def _lane(self, request: Any) -> ThreadedTaskDispatcher:
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
