"""How many threads work on pictures in Python at once: as many as there are workers.

One of them has Python's interpreter lock at a time. When all that have a place wanted it, the loop
that takes requests in, which needs it several times for each, waited for it most of the time; and
each large picture that is decoded holds a quarter of a GiB. Who waits for the model has no turn.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from webapp.arrival import ARRIVED, PLACE, TAKE_PICTURES
from webapp.spec import Refusal

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


class Turns:
    """So many turns, safe to share between threads."""

    def __init__(self, count: int) -> None:
        self._free = threading.Semaphore(count)

    def take(self, seconds: float) -> bool:
        """Wait for a turn; False if there was none in so many seconds."""
        return self._free.acquire(timeout=max(0.0, seconds))

    def give_back(self) -> None:
        """Let the next have the turn that this thread has."""
        self._free.release()

    @contextlib.contextmanager
    def given_up(self) -> Iterator[None]:
        """Let another have this thread's turn meanwhile, and wait for one in the end."""
        self._free.release()
        try:
            yield
        finally:
            self._free.acquire()


class InTurn:
    """An application that handles a picture when it is its turn.

    One that gets none before its deadline goes without: the application says that it is late.
    """

    def __init__(self, app: WSGIApplication, turns: Turns, deadline_seconds: float) -> None:
        self._app = app
        self._turns = turns
        self._deadline_seconds = deadline_seconds

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request as WSGI has it."""
        if not _needs_one(environ):
            return self._app(environ, start_response)
        now = time.monotonic()
        deadline = environ.setdefault(ARRIVED, now) + self._deadline_seconds
        if not self._turns.take(deadline - now):
            return self._app(environ, start_response)
        try:
            return self._app(environ, start_response)
        finally:
            self._turns.give_back()


def _needs_one(environ: WSGIEnvironment) -> bool:
    return (
        environ["REQUEST_METHOD"] == "POST"
        and environ.get("PATH_INFO") in TAKE_PICTURES
        and not isinstance(environ.get(PLACE), Refusal)
    )
