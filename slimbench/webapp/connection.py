"""One connection of waitress's, its requests and their answers, with what waitress lacks.

- What is refused here is `application/problem+json` too.
- A body that is too large is received and thrown away, so that its sender reads the refusal in
  place of a broken connection.
- A request has to arrive whole within a time, however steadily its bytes trickle in.
- While the server drains, every answer is its connection's last.
"""

from __future__ import annotations

import contextlib
import io
import json
import threading
import time
from contextvars import ContextVar
from typing import Any

from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.receiver import FixedStreamReceiver
from waitress.task import WSGITask
from waitress.utilities import Error, RequestEntityTooLarge

from slimbench.webapp import request_id
from slimbench.webapp.environ_keys import ARRIVED, PLACE
from slimbench.webapp.load_shedding import refuse
from slimbench.webapp.problems import CONTENT_TYPE, Problem, of_status
from slimbench.webapp.security import HEADERS
from slimbench.webapp.spec import Place, Refusal

serving: ContextVar[Any] = ContextVar("serving", default=None)
"""The connection whose request is handled."""


class RequestTimeout(Error):
    """A request that did not arrive whole in time."""

    code = 408
    reason = "Request Timeout"


class NoPlace(Error):
    """A picture for which there is none; the request's `refusal` says why."""

    code = 503
    reason = "Service Unavailable"


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
    path: str = ""  # as long as no headers were read
    place: Place | None = None
    refusal: Refusal | None = None
    """Why it has no place."""
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
    """Tells the application when the request arrived, and which place it got."""

    channel: Any
    request: Any

    def get_environment(self) -> dict[str, Any]:
        """Return the WSGI environment."""
        environ = super().get_environment()
        environ[ARRIVED] = self.request.arrived
        environ[PLACE] = self.request.refusal or self.request.place
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


class _ProblemTask(_Task):
    """Answers without the application."""

    response_headers: list[tuple[str, str]]

    def execute(self) -> None:
        """Write the problem that the server has with a request."""
        own_id = request_id.request_id(self.request.headers.get("X_REQUEST_ID", ""))
        problem = self._problem(own_id)
        body = json.dumps(problem.as_json(own_id)).encode()
        self.status = f"{problem.status} {self.request.error.reason}"
        self.response_headers.extend(
            [
                ("Content-Type", CONTENT_TYPE),
                ("Cache-Control", "no-store"),
                (request_id.HEADER, own_id),
                *HEADERS.items(),
            ]
        )
        if problem.retry_after is not None:
            self.response_headers.append(("Retry-After", str(problem.retry_after)))
        self.content_length = len(body)
        self.complete = True
        self.write(body)

    def _problem(self, own_id: str) -> Problem:
        if isinstance(self.request.error, NoPlace):
            return refuse(self.channel.server.state, self.request, self.channel.addr[0], own_id)
        self.set_close_on_finish()  # more of the connection cannot be understood
        return of_status(self.request.error.code)


class Channel(HTTPChannel):
    """One connection, which knows since when a request has been arriving."""

    task_class = _Task
    error_task_class: Any = _ProblemTask
    parser_class = _Parser
    begun = 0.0
    server: Any
    _fileno: int
    requests_lock: threading.Lock
    requests: Any

    def add_channel(self, map: Any = None) -> None:  # noqa: A002 - waitress's name
        """Be waited for."""
        super().add_channel(map)
        self.server.loop.look_again(self._fileno)

    def del_channel(self, map: Any = None) -> None:  # noqa: A002 - waitress's name
        """Be waited for no more."""
        self.server.loop.forget(self._fileno)
        super().del_channel(map)

    def received(self, data: bytes) -> bool:
        """Take bytes."""
        before = self.request
        taken = super().received(data)
        if self.request is not None and self.request is not before:
            self.begun = time.time()
        return taken

    def service(self) -> None:
        """Handle a request; its place is given back even if no part of the application ran."""
        serving.set(self)
        with self.requests[0].place or contextlib.nullcontext():
            super().service()

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
                self.server.add_task(self)

    def occupied(self) -> bool:
        """Tell whether something is worked on or still to be sent."""
        return bool(self.requests or self.total_outbufs_len)
