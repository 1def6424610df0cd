"""How requests come in: waitress, with what it lacks for a server that says no politely.

- What it refuses itself is `application/problem+json` too.
- A body that is too large is received and thrown away, so that its sender reads the refusal in
  place of a broken connection; past `PATIENCE` times the limit the connection is cut.
- A request has to arrive whole within a time, however steadily its bytes trickle in.
- While it drains, every answer is its connection's last.
"""

from __future__ import annotations

import io
import json
import socket
import threading
import time
import uuid
from typing import TYPE_CHECKING, Any

from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.receiver import FixedStreamReceiver
from waitress.server import TcpWSGIServer
from waitress.task import ErrorTask, WSGITask
from waitress.utilities import Error, RequestEntityTooLarge

from webapp.api import ARRIVED
from webapp.app import REQUEST_ID
from webapp.lanes import Lanes
from webapp.problems import CONTENT_TYPE, of_status
from webapp.security import HEADERS
from webapp.settings import Settings

if TYPE_CHECKING:
    from flask import Flask

PATIENCE = 10
"""How many times the largest body is read and thrown away."""

MARGIN = 8
"""Threads besides one for each place: they refuse, and serve the pages."""

LOOK_SECONDS = 1
"""How often slow and idle connections are looked for."""

GRACE_SECONDS = 0.5
"""Between the end of the work and that of the connections: for a request that is on its way."""

LAST_SECONDS = 3.0
"""How long the last answers may take to be sent."""

BUFFER = 1 << 18
"""Bytes that are read from a connection at once."""


class RequestTimeout(Error):
    """A request that did not arrive whole in time."""

    code = 408
    reason = "Request Timeout"


class _Nothing:
    """What is kept of a body that is thrown away."""

    def append(self, _: bytes) -> None:
        """Throw bytes away."""

    def __len__(self) -> int:
        return 0

    def getfile(self) -> io.BytesIO:
        """Return an empty file."""
        return io.BytesIO()

    def close(self) -> None:
        """Nothing is open."""


class _Parser(HTTPRequestParser):
    """Keeps no body that is too large."""

    arrived: float = 0.0
    adj: Any

    def parse_header(self, header_plus: bytes) -> None:
        """Read the headers, and decide whether the body is kept."""
        super().parse_header(header_plus)
        if self.content_length > self.adj.kept_body_size:
            nothing: Any = _Nothing()
            self.body_rcv = FixedStreamReceiver(self.content_length, nothing)

    def received(self, data: bytes) -> int:
        """Take bytes; those of a body without a declared length have the same limit."""
        taken = super().received(data)
        over = self.chunked and self.body_bytes_received > self.adj.kept_body_size
        if over and self.error is None:
            self.error = RequestEntityTooLarge("")
            self.completed = True
        return taken


class _Task(WSGITask):
    """Tells the application when the request arrived."""

    channel: Any
    request: Any

    def get_environment(self) -> dict[str, Any]:
        """Return the WSGI environment."""
        environ = super().get_environment()
        environ[ARRIVED] = self.request.arrived
        return environ

    def build_response_header(self) -> bytes:
        """Return the headers, the connection's last ones while the server drains."""
        if self.channel.server.draining:
            self.set_close_on_finish()
        return super().build_response_header()

    def write(self, data: bytes) -> None:
        """Write a part of the answer; one of a single part goes out at once with its headers."""
        if self.wrote_header or not self.complete or self.content_length != len(data):
            super().write(data)
            return
        header = self.build_response_header()
        self.wrote_header = True
        if self.has_body:
            header += data
            self.content_bytes_written = len(data)
        self.channel.write_soon(header)


class _ProblemTask(ErrorTask):
    """Answers what the server itself refuses."""

    request: Any
    response_headers: list[tuple[str, str]]

    def execute(self) -> None:
        """Write the problem, and close the connection, of which more cannot be understood."""
        error = self.request.error
        problem = of_status(error.code)
        request_id = uuid.uuid4().hex
        body = json.dumps(problem.as_json(request_id)).encode()
        self.status = f"{problem.status} {error.reason}"
        self.response_headers.extend(
            [("Content-Type", CONTENT_TYPE), (REQUEST_ID, request_id), *HEADERS.items()]
        )
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)


class _Channel(HTTPChannel):
    """One connection, which knows since when a request has been arriving."""

    task_class = _Task
    error_task_class = _ProblemTask
    parser_class = _Parser
    begun = 0.0
    requests_lock: threading.Lock
    requests: Any

    def received(self, data: bytes) -> bool:
        """Take bytes."""
        before = self.request
        taken = super().received(data)
        if self.request is not None and self.request is not before:
            self.begun = time.time()
        return taken

    def look(self, now: float, upload_seconds: float, idle_seconds: float) -> None:
        """Refuse a request that is too slow, and close a connection that asks nothing."""
        with self.requests_lock:
            if self.requests:
                return
            request = self.request
            if request is None:
                self.will_close |= self.last_activity < now - idle_seconds
            elif self.begun < now - upload_seconds:
                request.error = RequestTimeout("")
                request.completed = True
                self.request = None
                self.requests.append(request)
                self.server.add_task(self)  # type: ignore[arg-type]

    def occupied(self) -> bool:
        """Tell whether something is worked on or still to be sent."""
        return bool(self.requests or self.total_outbufs_len)


class Server(TcpWSGIServer):
    """The server on a socket that listens already.

    Args:
        app: what answers.
        settings: the limits.
        listener: stays open, for others that hold it, when the server closes its own.
    """

    channel_class = _Channel
    active_channels: Any
    _map: Any
    draining = False

    def __init__(self, app: Flask, settings: Settings, listener: socket.socket) -> None:
        self._settings = settings
        self.lanes = Lanes(settings.places + MARGIN)
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
            map={},
            _sock=listener,
            dispatcher=dispatcher,
            adj=adjustments,
            sockinfo=(listener.family, listener.type, listener.proto, listener.getsockname()),
            bind_socket=False,
        )

    def maintenance(self, now: float) -> None:
        """Look after all connections."""
        for channel in list(self.active_channels.values()):
            channel.look(now, self._settings.upload_seconds, self._settings.idle_seconds)

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
        self.handle_accept()
        return len(self.active_channels) > before

    def _turn(self, seconds: float) -> None:
        wasyncore.loop(timeout=seconds, use_poll=True, map=self._map, count=1)
