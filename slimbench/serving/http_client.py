"""A minimal HTTP/1.1 client for a load generator: prepared bytes out, status and body back.

One connection carries one request at a time and is kept for the next where the server allows it.
Client libraries spend more on a request than a small model takes to answer it, and here both share
a machine; so only what the compared servers send is read, and anything else is a fault.
"""

from __future__ import annotations

import asyncio
import re
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass

from slimbench.serving.messages import HOST, get

HEAD_END = b"\r\n\r\n"
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})[ \r]")
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)[ \t]*\r", re.IGNORECASE)
_CLOSE = re.compile(rb"\r\nconnection:[ \t]*close[ \t]*\r", re.IGNORECASE)
_CODED = re.compile(rb"\r\ntransfer-encoding:", re.IGNORECASE)

NO_RESPONSE = 0
"""Stands for the status where no whole response came."""


@dataclass(frozen=True, slots=True)
class Response:
    """The response to a request, and when its last byte came, by `time.perf_counter`.

    `fault` says in a few words why there is none, where `status` is `NO_RESPONSE`.
    """

    status: int
    body: bytes
    at: float
    fault: str = ""


Done = Callable[["Connection", Response], None]


class Connection(asyncio.Protocol):
    """One connection; `send` one request, and `done` is called with the response."""

    def __init__(self, limit_s: float) -> None:
        """Give each request `limit_s` seconds."""
        self.is_open = False
        self._limit_s = limit_s
        self._transport: asyncio.Transport | None = None
        self._done: Done | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._received = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way out."""
        if isinstance(transport, asyncio.Transport):
            self._transport, self.is_open = transport, True

    def send(self, request: bytes, done: Done) -> None:
        """Send a whole request; `done` is called once, within the time limit."""
        self._done = done
        self._received.clear()
        if self._transport is None or not self.is_open:
            self._finish(Response(NO_RESPONSE, b"", time.perf_counter(), "not connected"))
            return
        self._timer = asyncio.get_running_loop().call_later(self._limit_s, self._time_out)
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        """Take in what came, and finish where the response is whole."""
        at = time.perf_counter()
        self._received += data
        try:
            parsed = parse(self._received)
        except ValueError as error:
            self.close()
            self._finish(Response(NO_RESPONSE, b"", at, str(error)))
            return
        if parsed is not None:
            status, body, keep = parsed
            if not keep:
                self.close()
            self._finish(Response(status, body, at))

    def connection_lost(self, exc: Exception | None) -> None:
        """Finish a request that was under way: without a length, the end is the end of the body."""
        self.is_open = False
        if self._done is not None:
            at = time.perf_counter()
            whole = None if exc else parse(self._received, ended=True)
            if whole is None:
                fault = type(exc).__name__ if exc else "closed without a whole answer"
                self._finish(Response(NO_RESPONSE, b"", at, fault))
            else:
                self._finish(Response(whole[0], whole[1], at))

    def close(self) -> None:
        """Give the connection up."""
        self.is_open = False
        if self._transport is not None:
            self._transport.abort()

    def _time_out(self) -> None:
        self.close()
        self._finish(Response(NO_RESPONSE, b"", time.perf_counter(), "no answer in time"))

    def _finish(self, response: Response) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        done, self._done = self._done, None
        if done is not None:
            done(self, response)


def parse(received: bytes | bytearray, *, ended: bool = False) -> tuple[int, bytes, bool] | None:
    """Return status, body and whether the connection goes on; None while more has to come.

    `ended` says that the server has closed the connection. Raises ValueError for what is no
    response that this client reads, such as one in chunks.
    """
    end = received.find(HEAD_END)
    if end < 0:
        return None
    head = bytes(received[: end + 2])
    status = _STATUS.match(head)
    if status is None:
        raise ValueError("not HTTP/1")
    if _CODED.search(head):
        raise ValueError("an answer in chunks")
    length = _LENGTH.search(head)
    start = end + len(HEAD_END)
    if length is None:
        return (int(status[1]), bytes(received[start:]), False) if ended else None
    if len(received) < start + int(length[1]):
        return None
    keep = head.startswith(b"HTTP/1.1") and not _CLOSE.search(head)
    return int(status[1]), bytes(received[start : start + int(length[1])]), keep


async def connect(host: str, port: int, limit_s: float) -> Connection:
    """Open a connection within `limit_s` seconds; raises OSError or TimeoutError."""
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(limit_s):
        _, connection = await loop.create_connection(lambda: Connection(limit_s), host, port)
    return connection


def exchange(port: int, request: bytes, limit_s: float = 5.0) -> tuple[int, bytes] | None:
    """Send a request over a new connection; returns status and body, None without a response."""
    received = bytearray()
    ended = False
    try:
        with socket.create_connection((HOST, port), limit_s) as connection:
            connection.sendall(request)
            while not ended:
                part = connection.recv(65536)
                received += part
                ended = not part
                response = parse(received, ended=ended)
                if response is not None:
                    return response[0], response[1]
    except (OSError, ValueError):
        return None
    return None


def fetch(port: int, path: str, limit_s: float = 5.0) -> tuple[int, bytes] | None:
    """Return the status and body of a path; None where nobody responds."""
    return exchange(port, get(path), limit_s)


def fetch_status(port: int, path: str, limit_s: float = 5.0) -> int | None:
    """Return the status of a path; None where nobody responds."""
    response = fetch(port, path, limit_s)
    return None if response is None else response[0]
