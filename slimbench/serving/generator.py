"""The load generator: sends the requests of a load test and records the responses.

`python -m slimbench.serving.generator` reads a test from its standard input and prints the result.
It is a process of its own, so that neither the server nor whoever measures shares its interpreter;
responses are judged when the last one is in, so that judging delays no request.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import itertools
import random
import sys
import time
from collections import Counter, deque
from dataclasses import dataclass
from functools import partial

from slimbench.serving.http_client import NO_RESPONSE, Connection, Response, connect
from slimbench.serving.load import (
    UNSENT,
    Clients,
    LoadResult,
    LoadTest,
    Poisson,
    load_test_from_json,
    result_to_json,
)
from slimbench.serving.messages import HOST, is_right

HEAD_START_S = 0.05
"""Between the start of a schedule and now, so that the first arrivals are not late."""

REST_AFTER_FAULT_S = 0.01
"""How long a client rests that could not connect, so that it does not spin."""

BURST = 16
"""How many overdue requests are sent before responses are read again."""

WRONG_RESPONSES = 3
WRONG_CHARACTERS = 300
"""How many wrong responses a result quotes, and how much of each."""


@dataclass(slots=True)
class Exchange:
    """One request: which, when it was due and sent (`time.perf_counter`), and its response."""

    index: int
    due: float
    sent: float = 0.0
    response: Response | None = None


def poisson_schedule(arrivals: Poisson) -> list[float]:
    """Return the seconds of all arrivals after the start, ascending."""
    gaps = random.Random(arrivals.seed)  # noqa: S311 - no secret
    offsets: list[float] = []
    at = gaps.expovariate(arrivals.rate_per_s)
    while at < arrivals.seconds:
        offsets.append(at)
        at += gaps.expovariate(arrivals.rate_per_s)
    return offsets


class OpenLoop:
    """Sends each request when it is due, however many are still unanswered."""

    def __init__(self, test: LoadTest, arrivals: Poisson) -> None:
        self._test = test
        self._arrivals = arrivals
        self._idle: list[Connection] = []
        self._open = 0
        self._waiting: deque[Exchange] = deque()
        self._left = 0
        self._over = asyncio.Event()
        self._opening: set[asyncio.Task[None]] = set()

    async def run(self) -> list[Exchange]:
        """Send everything and wait for the responses."""
        offsets = poisson_schedule(self._arrivals)
        began = time.perf_counter() + HEAD_START_S
        count = len(self._test.requests)
        exchanges = [Exchange(number % count, began + at) for number, at in enumerate(offsets)]
        self._left = len(exchanges)
        overdue = 0
        for exchange in exchanges:
            ahead = exchange.due - time.perf_counter()
            overdue = 0 if ahead > 0 else overdue + 1
            if ahead > 0 or overdue % BURST == 0:
                await asyncio.sleep(max(0.0, ahead))
            self._dispatch(exchange)
        await asyncio.sleep(max(0.0, began + self._arrivals.seconds - time.perf_counter()))
        self._left -= len(self._waiting)
        self._waiting.clear()
        if self._left:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._arrivals.grace_s):
                    await self._over.wait()
        for task in self._opening:
            task.cancel()
        for connection in self._idle:
            connection.close()
        return exchanges

    def _dispatch(self, exchange: Exchange) -> None:
        while self._idle:
            connection = self._idle.pop()
            if connection.is_open:
                self._send(connection, exchange)
                return
            self._open -= 1
        if self._open < self._arrivals.connections:
            self._open += 1
            task = asyncio.get_running_loop().create_task(self._open_for(exchange))
            self._opening.add(task)
            task.add_done_callback(self._opening.discard)
        else:
            self._waiting.append(exchange)

    async def _open_for(self, exchange: Exchange) -> None:
        exchange.sent = time.perf_counter()
        try:
            connection = await connect(HOST, self._test.port, self._test.limit_s)
        except (OSError, TimeoutError) as error:
            nothing = Response(NO_RESPONSE, b"", time.perf_counter(), type(error).__name__)
            self._done(exchange, None, nothing)
            return
        connection.send(self._test.requests[exchange.index], partial(self._done, exchange))

    def _send(self, connection: Connection, exchange: Exchange) -> None:
        exchange.sent = time.perf_counter()
        connection.send(self._test.requests[exchange.index], partial(self._done, exchange))

    def _done(self, exchange: Exchange, connection: Connection | None, response: Response) -> None:
        exchange.response = response
        self._left -= 1
        if self._left == 0:
            self._over.set()
        if connection is not None and connection.is_open:
            if self._waiting:
                self._send(connection, self._waiting.popleft())
            else:
                self._idle.append(connection)
            return
        self._open -= 1
        if self._waiting:
            self._dispatch(self._waiting.popleft())


class ClosedLoop:
    """Clients that wait for the response before they send the next request."""

    def __init__(self, test: LoadTest, arrivals: Clients) -> None:
        self._test = test
        self._arrivals = arrivals
        self._numbers = itertools.count()
        self._exchanges: list[Exchange] = []

    async def run(self) -> list[Exchange]:
        """Let all clients ask until time is up or everything is asked."""
        end = time.perf_counter() + self._arrivals.seconds
        await asyncio.gather(*(self._client(end) for _ in range(self._arrivals.clients)))
        return self._exchanges

    async def _client(self, end: float) -> None:
        connection: Connection | None = None
        most = self._arrivals.count
        while time.perf_counter() < end:
            number = next(self._numbers)
            if most is not None and number >= most:
                break
            now = time.perf_counter()
            exchange = Exchange(number % len(self._test.requests), now, now)
            self._exchanges.append(exchange)
            try:
                if connection is None or not connection.is_open:
                    connection = await connect(HOST, self._test.port, self._test.limit_s)
            except (OSError, TimeoutError) as error:
                fault = type(error).__name__
                exchange.response = Response(NO_RESPONSE, b"", time.perf_counter(), fault)
                await asyncio.sleep(REST_AFTER_FAULT_S)
                continue
            exchange.response = await _ask(connection, self._test.requests[exchange.index])
            if self._arrivals.fresh:
                connection.close()
            if self._arrivals.pause_s:
                await asyncio.sleep(self._arrivals.pause_s)
        if connection is not None:
            connection.close()


async def _ask(connection: Connection, request: bytes) -> Response:
    answered: asyncio.Future[Response] = asyncio.get_running_loop().create_future()

    def done(_: Connection, response: Response) -> None:
        if not answered.done():
            answered.set_result(response)

    connection.send(request, done)
    return await answered


async def exchange_all(test: LoadTest) -> tuple[list[Exchange], float]:
    """Run a test; returns every exchange and the seconds from first arrival to last response.

    Poisson arrivals last at least as long as they were scheduled for.
    """
    arrivals = test.arrivals
    loop = OpenLoop(test, arrivals) if isinstance(arrivals, Poisson) else ClosedLoop(test, arrivals)
    began = time.perf_counter()
    exchanges = await loop.run()
    if not exchanges:
        return [], time.perf_counter() - began
    ends = [each.response.at for each in exchanges if each.response is not None]
    seconds = max(ends, default=time.perf_counter()) - exchanges[0].due
    return exchanges, max(seconds, arrivals.seconds if isinstance(arrivals, Poisson) else 0.0)


def judged(test: LoadTest, exchanges: list[Exchange], seconds: float) -> LoadResult:
    """Return the result of a test, its responses compared with the expected ones."""
    statuses: list[int] = []
    right: list[bool] = []
    latencies: list[float | None] = []
    faults: Counter[str] = Counter()
    wrong: list[str] = []
    for exchange in exchanges:
        response = exchange.response
        if response is None:
            fault = "no answer before the end" if exchange.sent else "no connection became free"
            response = Response(NO_RESPONSE if exchange.sent else UNSENT, b"", 0.0, fault)
        expected = test.expected[exchange.index]
        ok = response.status == 200 and (expected is None or is_right(response.body, expected))
        if response.status == 200 and not ok and len(wrong) < WRONG_RESPONSES:
            wrong.append(response.body[:WRONG_CHARACTERS].decode(errors="replace"))
        if response.fault:
            faults[response.fault] += 1
        statuses.append(response.status)
        right.append(ok)
        latencies.append((response.at - exchange.due) * 1e3 if response.status > 0 else None)
    lags = [max(0.0, each.sent - each.due) * 1e3 for each in exchanges if each.sent]
    began = exchanges[0].due if exchanges else time.perf_counter()
    return LoadResult(
        began=began,
        seconds=seconds,
        arrivals_s=[each.due - began for each in exchanges],
        statuses=statuses,
        right=right,
        latencies_ms=latencies,
        lags_ms=lags,
        faults=dict(faults),
        wrong=wrong,
    )


def main() -> None:
    """Run the test that is read and print its result."""
    test = load_test_from_json(sys.stdin.read())
    gc.freeze()
    gc.disable()  # a collection would stop all clients at once
    exchanges, seconds = asyncio.run(exchange_all(test))
    print(result_to_json(judged(test, exchanges, seconds)))  # noqa: T201


if __name__ == "__main__":
    main()
