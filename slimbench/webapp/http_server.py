"""How requests come in: waitress, on a socket that listens already, until it is told to end."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.server import TcpWSGIServer

from slimbench.webapp import connection, state
from slimbench.webapp.admission import Lanes
from slimbench.webapp.loop import Loop
from slimbench.webapp.settings import Settings

if TYPE_CHECKING:
    from flask import Flask

PATIENCE = 10
"""How many times the largest body is read and thrown away; past that the connection is cut."""

LOOK_SECONDS = 1
"""How often slow and idle connections are looked for."""

GRACE_SECONDS = 0.5
"""Between the end of the work and that of the connections: for a request that is on its way."""

LAST_SECONDS = 3.0
"""How long the last answers may take to be sent."""

BUFFER = 1 << 18
"""Bytes that are read from a connection at once."""


class Server(TcpWSGIServer):
    """The server on a socket that listens already.

    Args:
        app: what answers.
        settings: the limits.
        listener: stays open, for others that hold it, when the server closes its own.
    """

    channel_class = connection.Channel
    active_channels: Any
    _map: Any
    draining = False
    _fileno: int

    def __init__(self, app: Flask, settings: Settings, listener: socket.socket) -> None:
        self._settings = settings
        sockets: dict[int, Any] = {}
        self.loop = Loop(sockets)
        self.state = state.of(app)
        self.lanes = Lanes(self.state.service, settings.workers, settings.deadline_seconds)
        adjustments: Any = Adjustments(
            sockets=[listener],
            backlog=settings.connections,
            channel_timeout=settings.idle_seconds,
            cleanup_interval=LOOK_SECONDS,
            connection_limit=settings.connections,
            recv_bytes=BUFFER,
            max_request_body_size=settings.body_bytes * PATIENCE,
            expose_tracebacks=False,
            log_socket_errors=False,
            ident="",
        )
        adjustments.kept_body_size = settings.body_bytes
        adjustments.send_bytes = 1  # who has an answer sends it, and wakes no other thread for it
        dispatcher: Any = self.lanes
        super().__init__(
            app,
            map=sockets,
            _sock=listener,
            dispatcher=dispatcher,
            adj=adjustments,
            sockinfo=(listener.family, listener.type, listener.proto, listener.getsockname()),
            bind_socket=False,
        )
        for descriptor in sockets:
            self.loop.look_again(descriptor)

    def maintenance(self, now: float) -> None:
        """Look after all connections; those that ask nothing make room where there is none."""
        is_full = len(self._map) >= self.adj.connection_limit
        idle_seconds = LOOK_SECONDS if is_full else self._settings.idle_seconds
        for descriptor, channel in list(self.active_channels.items()):
            channel.look(now, self._settings.upload_seconds, idle_seconds)
            self.loop.look_again(descriptor)

    def pull_trigger(self) -> None:
        """Let the loop notice what a thread did with its connection."""
        channel = connection.serving.get()
        is_stale = channel is None or self.loop.is_stale(channel._fileno)  # noqa: SLF001
        if is_stale and not self.loop.is_here():
            with contextlib.suppress(OSError):  # the loop has just ended
                super().pull_trigger()

    def handle_accept(self) -> None:
        """Take all connections that wait, as far as the limit; waitress takes one a turn."""
        while len(self._map) < self.adj.connection_limit and self._accepted_one():
            pass

    def run_until(self, ended: threading.Event) -> None:
        """Serve until an event is set; `pull_trigger` makes it notice at once."""
        while not ended.is_set():
            self._turn(1.0)

    def finish(self) -> bool:
        """Close the socket, send the last answers, and end; False if one was still worked on."""
        while self._accepted_one():
            pass
        wasyncore.dispatcher.close(self)
        begun = time.monotonic()
        while (passed := time.monotonic() - begun) < LAST_SECONDS:
            channels = list(self.active_channels.values())
            if passed > GRACE_SECONDS:
                channels = [each for each in channels if each.occupied()]
            if not channels:
                break
            self._turn(0.02)
        whole = not any(each.requests for each in self.active_channels.values())
        self.lanes.shutdown()
        for channel in list(self.active_channels.values()):
            channel.handle_close()
        trigger: Any = self.trigger
        trigger.close()
        return whole

    def _accepted_one(self) -> bool:
        before = len(self.active_channels)
        super().handle_accept()
        return len(self.active_channels) > before

    def _turn(self, seconds: float) -> None:
        self.loop.look_again(self._fileno)  # which looks after all connections from time to time
        self.loop.turn(min(seconds, self.lanes.turn()))
