"""A request as WSGI (PEP 3333) describes it, and the answer that an application gives to it."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

Headers = list[tuple[str, str]]

_WITHOUT_PREFIX = {"content-type": "CONTENT_TYPE", "content-length": "CONTENT_LENGTH"}


@dataclass(frozen=True, slots=True)
class Response:
    """What is sent back: a status, headers, and the whole body."""

    status: int
    headers: Headers
    body: bytes


@dataclass(frozen=True, slots=True)
class Request:
    """A request that arrived whole; names of `headers` are in lower case.

    `path` is without percent-encoding, `arrived` is of `time.monotonic`.
    """

    method: str
    path: str
    query: str
    http_version: str
    headers: Headers
    client: str
    server: tuple[str, int]
    body: bytes
    arrived: float

    def environ(self) -> WSGIEnvironment:
        """Return the request's WSGI environment."""
        found: dict[str, Any] = {
            "REQUEST_METHOD": self.method,
            "SCRIPT_NAME": "",
            "PATH_INFO": self.path.encode().decode("latin-1"),
            "QUERY_STRING": self.query,
            "REMOTE_ADDR": self.client,
            "SERVER_NAME": self.server[0],
            "SERVER_PORT": str(self.server[1]),
            "SERVER_PROTOCOL": f"HTTP/{self.http_version}",
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(self.body),
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }
        for name, value in self.headers:
            if name == "transfer-encoding":  # of the connection; the body is whole
                continue
            key = _WITHOUT_PREFIX.get(name) or f"HTTP_{name.upper().replace('-', '_')}"
            found[key] = f"{found[key]},{value}" if key in found else value
        found["CONTENT_LENGTH"] = str(len(self.body))
        return found


def call(application: WSGIApplication, environ: WSGIEnvironment) -> Response:
    """Return an application's answer to a request."""
    begun: list[tuple[str, Headers]] = []
    written: list[bytes] = []

    def start_response(status: str, headers: Headers, _: Any = None, /) -> Any:
        begun[:] = [(status, headers)]
        return written.append

    parts: Iterable[bytes] = application(environ, start_response)
    try:
        written.extend(parts)
    finally:
        if hasattr(parts, "close"):
            parts.close()
    status, headers = begun[0]
    return Response(int(status.split()[0]), headers, b"".join(written))
