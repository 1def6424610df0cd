"""HTTP/1.1 as a load generator speaks it: prepared bytes out, status and body back.

One connection carries one request at a time and is kept for the next where the server allows it.
Client libraries spend more on a request than a small model takes to answer it, and here both share
a machine; so only what the compared servers send is read, and anything else is a fault.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from dataclasses import dataclass

HEAD_END = b"\r\n\r\n"
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})[ \r]")
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)[ \t]*\r", re.IGNORECASE)
_CLOSE = re.compile(rb"\r\nconnection:[ \t]*close[ \t]*\r", re.IGNORECASE)
_CODED = re.compile(rb"\r\ntransfer-encoding:", re.IGNORECASE)

NO_ANSWER = 0
"""Stands for the status where no whole answer came."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back to a request, and when its last byte did, by `time.perf_counter`.

    `fault` says in a few words why there is no answer, where `status` is `NO_ANSWER`.
    """

    status: int
    body: bytes
    at: float
    fault: str = ""


Done = Callable[["Connection", Reply], None]


class Connection(asyncio.Protocol):
    """One connection; `send` one request, and `done` is called with what came back."""

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
            self._finish(Reply(NO_ANSWER, b"", time.perf_counter(), "not connected"))
            return
        self._timer = asyncio.get_running_loop().call_later(self._limit_s, self._give_up)
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        """Take in what came, and finish where the answer is whole."""
        at = time.perf_counter()
        self._received += data
        try:
            found = parse(self._received)
        except ValueError as error:
            self.close()
            self._finish(Reply(NO_ANSWER, b"", at, str(error)))
            return
        if found is not None:
            status, body, keep = found
            if not keep:
                self.close()
            self._finish(Reply(status, body, at))

    def connection_lost(self, exc: Exception | None) -> None:
        """Finish a request that was under way: without a length, the end is the end of the body."""
        self.is_open = False
        if self._done is not None:
            at = time.perf_counter()
            whole = None if exc else parse(self._received, ended=True)
            if whole is None:
                fault = type(exc).__name__ if exc else "closed without a whole answer"
                self._finish(Reply(NO_ANSWER, b"", at, fault))
            else:
                self._finish(Reply(whole[0], whole[1], at))

    def close(self) -> None:
        """Give the connection up."""
        self.is_open = False
        if self._transport is not None:
            self._transport.abort()

    def _give_up(self) -> None:
        self.close()
        self._finish(Reply(NO_ANSWER, b"", time.perf_counter(), "no answer in time"))

    def _finish(self, reply: Reply) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        done, self._done = self._done, None
        if done is not None:
            done(self, reply)


def parse(received: bytes | bytearray, *, ended: bool = False) -> tuple[int, bytes, bool] | None:
    """Return status, body and whether the connection goes on; None while more has to come.

    `ended` says that the server has closed the connection. Raises ValueError for what is no
    answer that this client reads, such as one in chunks.
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
