"""The threads that handle a model's pictures, one for each of its interpreters.

A picture that was taken in waits here until a worker has time, without a thread of its own.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections import deque
from typing import Any

from slimbench.webapp import micro_batch

NICENESS = 4
"""How much nicer a worker is than the thread that takes requests in; on Linux alone.

Under ten times too much load that thread, which answers probes and refuses, otherwise waited for
the processors as long as the models did. Twice as much costs answers.
"""

log = logging.getLogger(__name__)


class Workers:
    """Threads that take connections in the order in which their requests arrived.

    Args:
        count: how many.
    """

    def __init__(self, count: int) -> None:
        self._queue: deque[Any] = deque()
        self.idle = 0
        self._ended = False
        self._changed = threading.Condition()
        self._threads = [
            threading.Thread(target=self._work, name=f"worker-{number}", daemon=True)
            for number in range(count)
        ]
        for thread in self._threads:
            thread.start()

    def add_task(self, channel: Any) -> None:
        """Have the first request of a connection handled."""
        with self._changed:
            self._queue.append(channel)
            self._changed.notify()

    def waits_since(self) -> float | None:
        """Return when the request arrived that has waited longest, of `time.monotonic`."""
        try:
            arrived: float = self._queue[0].requests[0].arrived
        except IndexError:
            return None
        return arrived

    def taken_back(self, arrived: float) -> list[Any]:
        """Return those that still wait and arrived by then; no worker handles them any more."""
        found = []
        with self._changed:
            while self._queue and self._queue[0].requests[0].arrived <= arrived:
                found.append(self._queue.popleft())
        return found

    def shutdown(self, timeout: float) -> None:
        """End the threads, within so many seconds; what still waits is dropped."""
        end = time.monotonic() + timeout
        with self._changed:
            self._ended = True
            dropped, self._queue = [*self._queue], deque()
            self._changed.notify_all()
        for channel in dropped:
            channel.cancel()
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))

    def _work(self) -> None:
        if sys.platform == "linux":
            thread = threading.get_native_id()
            own = os.getpriority(os.PRIO_PROCESS, thread)
            os.setpriority(os.PRIO_PROCESS, thread, own + NICENESS)
        while (channel := self._next()) is not None:
            try:
                micro_batch.handle(channel.service, self._another)
            except BaseException:  # a worker is never lost
                log.exception("A worker was interrupted")

    def _next(self) -> Any:
        with self._changed:
            self.idle += 1
            self._changed.wait_for(lambda: self._queue or self._ended)
            self.idle -= 1
            return None if self._ended else self._queue.popleft()

    def _another(self) -> micro_batch.Task | None:
        """Return what handles one that waits although no worker is idle."""
        with self._changed:
            if self.idle or not self._queue:
                return None
            task: micro_batch.Task = self._queue.popleft().service
            return task
