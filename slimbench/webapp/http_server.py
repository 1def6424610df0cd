"""How requests come in: granian, on a socket that listens already, until it is told to end."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
import threading
from typing import TYPE_CHECKING, Any

from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.net import SocketHolder
from granian.server.embed import Server as Granian

from slimbench.webapp.gateway import Gateway
from slimbench.webapp.settings import Settings

if TYPE_CHECKING:
    from flask import Flask

LAST_SECONDS = 3.0
"""How long the last answers may take to be sent."""

SWITCH_SECONDS = 0.0005
"""How long a thread keeps Python's interpreter lock while others want it. Python's own 5 ms would
be added to every step of a probe."""

LOG: dict[str, Any] = {"incremental": True, "handlers": {}, "loggers": {}}
"""Granian's own lines go where all of the process's go, and not to handlers of its own."""


class _OnSocket(Granian):  # type: ignore[misc]
    """Granian on a socket that listens already.

    Granian has no public way to be given one: each server opens a socket of its own. But the
    supervisor's stays open from one server to the next, so that connections wait meanwhile and are
    not refused, and nobody else takes the port. All of `tests/webapp/test_http_server.py` notices
    a change of this, and pyproject.toml names the version.
    """

    def __init__(self, listener: socket.socket, backlog: int, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        listener.setblocking(False)
        self._listener = listener
        self._backlog = backlog

    def _init_shared_socket(self) -> None:
        self._shd = SocketHolder(self._listener.detach(), False, self._backlog)  # it closes it


class Server:
    """The server on a socket that listens already.

    Args:
        app: what answers.
        settings: the limits.
        listener: stays open, for others that hold it, when the server closes its own.
    """

    def __init__(self, app: Flask, settings: Settings, listener: socket.socket) -> None:
        self._settings = settings
        self._listener = listener
        self.gateway = Gateway(app, settings, listener.getsockname()[:2])
        self._ended = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._end = asyncio.Event()

    def drain(self) -> None:
        """Let every answer from now on be its connection's last."""
        self.gateway.draining = True

    def run(self) -> bool:
        """Serve until `stop`; returns whether all that was accepted has been answered."""
        before = sys.getswitchinterval()
        sys.setswitchinterval(SWITCH_SECONDS)
        try:
            return asyncio.run(self._serve())
        finally:
            sys.setswitchinterval(before)

    def stop(self) -> None:
        """Have `run` end, from any thread."""
        self._ended.set()
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # it has just ended
                self._loop.call_soon_threadsafe(self._end.set)

    async def _serve(self) -> bool:
        self._loop = asyncio.get_running_loop()
        granian = self._granian()
        serving = asyncio.create_task(granian.serve())
        ending = asyncio.create_task(self._end.wait())
        if self._ended.is_set():
            self._end.set()
        await asyncio.wait((serving, ending), return_when=asyncio.FIRST_COMPLETED)
        ending.cancel()
        if serving.done():
            serving.result()
            raise RuntimeError("The server ended of its own accord.")
        self.gateway.end()
        granian.stop()
        await asyncio.wait((serving,), timeout=LAST_SECONDS)
        whole = not self.gateway.handled
        self.gateway.close()
        return whole

    def _granian(self) -> Granian:
        settings = self._settings
        patience = min(settings.upload_seconds, settings.idle_seconds)
        return _OnSocket(
            self._listener,
            settings.connections,
            self.gateway,
            interface=Interfaces.RSGI,
            http=HTTPModes.http1,
            websockets=False,
            backpressure=settings.connections,
            http1_settings=HTTP1Settings(header_read_timeout=max(1, round(patience * 1000))),
            log_level=LogLevels.error,
            log_dictconfig=LOG,
        )
