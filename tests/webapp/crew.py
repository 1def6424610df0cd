"""Requests for workers, without a server: each asks a service and keeps what came of it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future

from slimbench.webapp.inference import Serving
from slimbench.webapp.spec import Answer, ServedModel
from slimbench.webapp.workers import Workers
from tests.webapp.runners import STABLE, picture

Asker = Callable[[Serving, int, ServedModel, float], Answer]


class Request:
    """Stands for a connection whose first request it is."""

    def __init__(self, does: Callable[[], Answer]) -> None:
        self.requests = [self]
        self.arrived = time.monotonic()
        self.came: Future[Answer] = Future()
        self._does = does

    def service(self) -> None:
        try:
            self.came.set_result(self._does())
        except Exception as error:  # noqa: BLE001 - whatever it is, the test sees it
            self.came.set_exception(error)

    def cancel(self) -> None:
        self.came.cancel()


def ask(service: Serving, value: int, model: ServedModel = STABLE, seconds: float = 60.0) -> Answer:
    with service.enter(model) as place:
        return place.answer(picture(value), model, time.monotonic() + seconds)


def asked_of(workers: Workers) -> Asker:
    """Return what asks as `ask` does, but lets a worker do it and waits for that."""

    def asker(service: Serving, value: int, model: ServedModel, seconds: float) -> Answer:
        return send(workers, lambda: ask(service, value, model, seconds)).result(60)

    return asker


def send(workers: Workers, does: Callable[[], Answer]) -> Future[Answer]:
    request = Request(does)
    workers.add_task(request)
    return request.came


@contextlib.contextmanager
def at_work(count: int) -> Iterator[Workers]:
    """Have so many workers until the end of the block."""
    workers = Workers(count)
    try:
        yield workers
    finally:
        workers.shutdown(30)
