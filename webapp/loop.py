"""Waitress's loop over its sockets, which asks only those that may have changed what they wait for.

Waitress asks every connection before every turn. With a few hundred of them that took most of the
time in which Python's interpreter lock was held under load, a fifth of a second of each second.
"""

from __future__ import annotations

import select
import threading
from collections import deque
from collections.abc import MutableMapping
from typing import Any

from waitress import wasyncore

READ = select.POLLIN | select.POLLPRI


class Loop:
    """Waits for sockets and lets them handle what happens; all but `look_again` in one thread.

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
        """Ask a socket before the next turn what it waits for; from any thread."""
        self._changed.append(descriptor)

    def forget(self, descriptor: int) -> None:
        """Wait no more for a socket, which is about to be closed."""
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
                wasyncore.readwrite(found, events)
                self._changed.append(descriptor)

    def _ask(self, descriptor: int) -> None:
        found = self._sockets.get(descriptor)
        if found is None:
            return
        awaited = READ if found.readable() else 0
        if found.writable() and not found.accepting:
            awaited |= select.POLLOUT
        if awaited == self._awaited.get(descriptor, 0):
            return
        self.forget(descriptor)
        if awaited:
            self._poll.register(descriptor, awaited)
            self._awaited[descriptor] = awaited
