"""What happens to a request before Flask: its body, its place, and the refusals.

An RSGI application, which the server runs in one thread. It answers whether the process lives,
reads bodies within limits of size and time, and refuses pictures for which there is no place: under
far too much load nearly every request is refused, and in Flask that took a third of the time of an
answer. All else is handed to threads that run Flask: pictures to those of their model, so that
stable waits for no canary, pages and probes to others, so that no number of pictures delays them.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor

from flask import Flask
from granian.rsgi import HTTPProtocol, ProtocolClosed, Scope
from werkzeug.http import parse_cookie

from slimbench.webapp import logs, metrics, problems, state, wsgi
from slimbench.webapp.api import ARRIVED, CLIENT_COOKIE, CLIENT_HEADER, PLACE, PREDICT, client_of
from slimbench.webapp.logs import REQUEST_ID, request_id
from slimbench.webapp.probes import LIVE, PATHS
from slimbench.webapp.problems import Problem
from slimbench.webapp.security import HEADERS
from slimbench.webapp.settings import Settings
from slimbench.webapp.spec import Draining, Late, Place, Refusal, ServedModel

log = logging.getLogger(__name__)

SERVER = ("Server", "slimbench")
"""In every answer: the server would name itself."""

TAKE_PICTURES = frozenset({PREDICT, "/"})
"""Where a POST needs a place."""

PAGE_THREADS, PROBE_THREADS = 4, 1

PICTURES_A_TURN = 3
"""Pictures that are taken in, or refused, before the loop looks what else there is, so that a probe
does not wait for hundreds of them. Fewer would cost answers: each look is a wait for Python's
interpreter lock."""

GRACE_SECONDS = 0.5
"""For requests that are on their way when the server ends."""

PATIENCE = 10
"""How many times the largest body is read and thrown away, so that its sender reads the refusal in
place of a broken connection; past that the connection is cut."""


class Gateway:
    """The RSGI application around a Flask application.

    Args:
        app: answers what is not answered here.
        settings: the limits.
        address: the server's own, which a request without a host is told.
    """

    def __init__(self, app: Flask, settings: Settings, address: tuple[str, int]) -> None:
        self.draining = False
        """Whether every answer is its connection's last."""
        self.handled = 0
        """How many requests are handled now."""
        self._app = app
        self._settings = settings
        self._address = address
        self._state = state.of(app)
        self._service = self._state.service
        self._pages = ThreadPoolExecutor(PAGE_THREADS, "page")
        self._probes = ThreadPoolExecutor(PROBE_THREADS, "probe")
        self._models: dict[str, Executor] = {}
        self._turns = asyncio.Semaphore(PICTURES_A_TURN)
        self._arriving: set[asyncio.Timeout] = set()
        self._upload_seconds = settings.upload_seconds

    async def __rsgi__(self, scope: Scope, protocol: HTTPProtocol) -> None:
        """Answer a request."""
        headers = scope.headers.items()
        own_id = request_id(scope.headers.get(REQUEST_ID.lower(), ""))
        try:
            if scope.method == "POST":
                await self._turn_of_a_picture()
            body = await self._read(scope, protocol)
            request = wsgi.Request(
                method=scope.method,
                path="/" + scope.path.lstrip("/"),
                query=scope.query_string,
                http_version=scope.http_version,
                headers=headers,
                client=scope.client.rpartition(":")[0].strip("[]"),
                server=self._address,
                body=body,
                arrived=time.monotonic(),
            )
            response = await self._response(request, own_id)
        except Problem as problem:  # more of the connection cannot be understood
            response = _refusal(problem, own_id, [("Connection", "close")])
        except Exception:
            log.exception("A fault of the server's.")
            response = _refusal(problems.of_status(500), own_id)
        sent = [*response.headers, SERVER]
        if self.draining:
            sent = [*(each for each in sent if each[0] != "Connection"), ("Connection", "close")]
        with contextlib.suppress(ProtocolClosed):  # the client has gone
            protocol.response_bytes(response.status, sent, response.body)

    def end(self) -> None:
        """Refuse the requests that do not arrive whole within `GRACE_SECONDS`."""
        self._upload_seconds = GRACE_SECONDS
        end = asyncio.get_running_loop().time() + GRACE_SECONDS
        for timeout in self._arriving:
            timeout.reschedule(end)

    def close(self) -> None:
        """Let the threads end when they have nothing more to do."""
        for executor in (self._pages, self._probes, *self._models.values()):
            executor.shutdown(wait=False, cancel_futures=True)

    async def _turn_of_a_picture(self) -> None:
        """Wait until it is a picture's turn."""
        async with self._turns:
            await asyncio.sleep(0)

    async def _read(self, scope: Scope, protocol: HTTPProtocol) -> bytes:
        """Return a request's body; raises Problem where it is too large, too slow or broken."""
        most = self._settings.body_bytes
        announced = scope.headers.get("content-length", "0")
        is_chunked = "transfer-encoding" in scope.headers
        if announced == "0" and not is_chunked:
            return b""
        if not announced.isdecimal() or int(announced) > most * PATIENCE:
            raise problems.of_status(413)
        if int(announced) > most and "expect" in scope.headers:  # its sender waits for an answer
            raise problems.of_status(413)
        timeout = asyncio.timeout(self._upload_seconds)
        try:
            async with timeout:
                self._arriving.add(timeout)
                if int(announced) <= most and not is_chunked:
                    whole: bytes = await protocol()
                    return whole
                return await _limited(protocol, most, most if is_chunked else int(announced))
        except TimeoutError:
            if self.draining:
                raise problems.of_refusal(Draining(), 0) from None
            raise problems.of_status(408) from None
        except ProtocolClosed:
            raise problems.of_status(400) from None
        finally:
            self._arriving.discard(timeout)

    async def _response(self, request: wsgi.Request, own_id: str) -> wsgi.Response:
        if request.path == LIVE and request.method in {"GET", "HEAD"}:
            return _alive(request, own_id)
        with self._inside():
            if request.method == "POST" and request.path in TAKE_PICTURES:
                return await self._picture(request, own_id)
            return await self._call(self._probes if request.path in PATHS else self._pages, request)

    async def _call(
        self, threads: Executor, request: wsgi.Request, place: Place | Refusal | None = None
    ) -> wsgi.Response:
        return await asyncio.wrap_future(self._submit(threads, request, place))

    def _submit(
        self, threads: Executor, request: wsgi.Request, place: Place | Refusal | None
    ) -> Future[wsgi.Response]:
        """Have Flask answer a request."""
        environ = request.environ() | {ARRIVED: request.arrived, PLACE: place}
        return threads.submit(wsgi.call, self._app, environ)

    @contextlib.contextmanager
    def _inside(self) -> Iterator[None]:
        self.handled += 1
        try:
            yield
        finally:
            self.handled -= 1

    async def _picture(self, request: wsgi.Request, own_id: str) -> wsgi.Response:
        """Have a picture handled by a thread of its model, or refuse it."""
        model = self._service.choose(_client(request))
        try:
            place = self._service.enter(model)
        except Refusal as refusal:
            if request.path != PREDICT:  # the page says it in its own words
                return await self._call(self._pages, request, refusal)
            await self._turn_of_a_picture()
            return self._refuse(request, model, refusal, own_id)
        with place:
            waiting = self._submit(self._threads_of(model), request, place)
            left = request.arrived + self._settings.deadline_seconds - time.monotonic()
            timer = asyncio.get_running_loop().call_later(max(0.0, left), waiting.cancel)
            try:
                return await asyncio.wrap_future(waiting)
            except asyncio.CancelledError:
                if not waiting.cancelled():
                    raise
            finally:
                timer.cancel()
        return await self._call(self._pages, request, Late("no thread had time for it"))

    def _threads_of(self, model: ServedModel) -> Executor:
        """Return the threads that handle a model's pictures: so many as it has at work at once."""
        if model.version not in self._models:
            count = self._settings.threads or self._service.at_once(model)
            self._models[model.version] = ThreadPoolExecutor(count, f"picture-{model.version}")
        return self._models[model.version]

    def _refuse(
        self, request: wsgi.Request, model: ServedModel, refusal: Refusal, own_id: str
    ) -> wsgi.Response:
        """Return what is said to a picture without a place, which is counted and logged."""
        outcome = metrics.outcome(refusal)
        self._state.watching.count(model, outcome)
        problem = problems.of_refusal(refusal, self._settings.deadline_seconds)
        logs.request(
            request_id=own_id,
            method=request.method,
            path=request.path,
            status=problem.status,
            seconds=round(time.monotonic() - request.arrived, 6),
            model=model.name,
            version=model.version,
            outcome=outcome,
            problem=problem.slug,
            error=problem.detail,
        )
        return _refusal(problem, own_id)


async def _limited(protocol: HTTPProtocol, most: int, read: int) -> bytes:
    """Return a body; raises Problem once more than `read` of it came, or where it is too large."""
    kept: list[bytes] = []
    size = 0
    async for part in protocol:
        size += len(part)
        if size <= most:
            kept.append(part)
        elif size > read:
            break
    if size > most:
        raise problems.of_status(413)
    return b"".join(kept)


def _client(request: wsgi.Request) -> str:
    """Return what tells a request's client from others, as `api.client_id` does."""
    headers = dict(request.headers)
    cookies = parse_cookie(headers.get("cookie"))
    return client_of(headers.get(CLIENT_HEADER.lower()), cookies.get(CLIENT_COOKIE), request.client)


def _alive(request: wsgi.Request, own_id: str) -> wsgi.Response:
    body = b'{"status":"alive"}\n'
    headers = _headers("application/json", body, own_id)
    return wsgi.Response(200, headers, b"" if request.method == "HEAD" else body)


def _refusal(problem: Problem, own_id: str, headers: wsgi.Headers | None = None) -> wsgi.Response:
    body = json.dumps(problem.as_json(own_id)).encode()
    found = _headers(problems.CONTENT_TYPE, body, own_id) + (headers or [])
    if problem.retry_after is not None:
        found.append(("Retry-After", str(problem.retry_after)))
    return wsgi.Response(problem.status, found, body)


def _headers(kind: str, body: bytes, own_id: str) -> wsgi.Headers:
    return [
        ("Content-Type", kind),
        ("Content-Length", str(len(body))),
        ("Cache-Control", "no-store"),
        (REQUEST_ID, own_id),
        *HEADERS.items(),
    ]
