"""Waitress's loop over its sockets, which asks only those that may have changed what they wait for.

Waitress asks every connection before every turn. With a few hundred of them that took most of the
time in which Python's interpreter lock was held under load, a fifth of a second of each second. It
also wakes the loop after every answer; here a connection whose request is handled is still waited
for, so that nothing has changed when the answer is sent and nobody has to be woken.
"""

from __future__ import annotations

import select
import threading
from collections import deque
from collections.abc import MutableMapping
from typing import Any

from waitress import wasyncore

READ, WRITE = select.POLLIN | select.POLLPRI, select.POLLOUT


class Loop:
    """Waits for sockets and lets them handle what happens; all but `is_stale` in one thread.

    Args:
        sockets: waitress's dispatchers by descriptor, as they come and go.
    """

    def __init__(self, sockets: MutableMapping[int, Any]) -> None:
        self._sockets = sockets
        self._poll = select.poll()
        self._awaited: dict[int, int] = {}
        self._changed: deque[int] = deque()
        self._thread = 0

    def is_here(self) -> bool:
        """Tell whether this is the thread that takes the turns, which nobody has to wake."""
        return threading.get_ident() == self._thread

    def look_again(self, descriptor: int) -> None:
        """Ask a socket before the next turn what it waits for."""
        self._changed.append(descriptor)

    def is_stale(self, descriptor: int) -> bool:
        """Tell whether a socket waits for something else than was known, which then is asked again.

        For any thread, when it is done with a socket. The loop drops one before it looks whether
        that was right, so that one of both notices.
        """
        found = self._sockets.get(descriptor)
        if found is None or _wanted(found) == self._awaited.get(descriptor):
            return False
        self._changed.append(descriptor)
        return True

    def forget(self, descriptor: int) -> None:
        """Wait no more for a socket."""
        if self._awaited.pop(descriptor, 0):
            self._poll.unregister(descriptor)

    def turn(self, seconds: float) -> None:
        """Wait so long, at most, for something to happen, and let it be handled."""
        self._thread = threading.get_ident()
        while self._changed:
            self._ask(self._changed.popleft())
        for descriptor, events in self._poll.poll(int(seconds * 1000)):
            found = self._sockets.get(descriptor)
            if found is not None:
                self._handle(descriptor, found, events)

    def _handle(self, descriptor: int, found: Any, events: int) -> None:
        wanted = _wanted(found)
        due = events & (wanted | ~(READ | WRITE)) if wanted else 0
        if due:
            wasyncore.readwrite(found, due)
            self._changed.append(descriptor)
            return
        self.forget(descriptor)  # until the thread is done that handles its request
        if _wanted(found) == READ:  # it is already
            self._changed.append(descriptor)

    def _ask(self, descriptor: int) -> None:
        found = self._sockets.get(descriptor)
        wanted = 0 if found is None else _wanted(found)
        if wanted and wanted != self._awaited.get(descriptor):
            self._poll.register(descriptor, wanted)
            self._awaited[descriptor] = wanted


def _wanted(found: Any) -> int:
    wanted = READ if found.readable() else 0
    if not found.accepting and found.writable():
        wanted |= WRITE
    return wanted
