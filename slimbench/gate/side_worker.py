"""The fresh process of one side, in its own environment: it does as it is told and waits between.

Started by `slimbench.gate.entry_point`. Each line of JSON on standard input is an order, answered
by one on standard output, whose `event` names what was done: `begin`, `load`, `block`, `read`, or
`refused`. When standard input closes it leaves, however its parent ended.
"""

from __future__ import annotations

import faulthandler
import gc
import importlib.metadata
import json
import os
import statistics
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TextIO

from slimbench.gate.timed_blocks import block
from slimbench.gate.worker import SECONDS_TO_BE_ENDED, Readings, engine_with, latencies, start
from slimbench.spec import Session

Order = Mapping[str, Any]


def main() -> None:
    """Obey orders until there are no more."""
    stream = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a runtime prints is not for the parent
    orders: SimpleQueue[Order] = SimpleQueue()
    threading.Thread(target=_read, args=(orders,), daemon=True).start()
    gc.disable()
    order, side = orders.get(), _Side()
    answer = _Answers(stream, order["limit_s"])
    while True:
        try:
            answer(event=order["order"], **side.obey(order))
        except (ImportError, ValueError, RuntimeError) as error:
            answer(event="refused", reason=" ".join(str(error).split()))
            return
        order = orders.get()


class _Answers:
    """Lines for the parent; where none was due for long, the process is stuck and ends itself.

    That timer needs no lock of Python's, so it ends even a runtime that hangs while it holds it.
    It is set once a second at most, since that starts a thread and blocks follow each other fast.
    Two turns of the other side, each as long as the limit, may lie between two orders.
    """

    def __init__(self, stream: TextIO, limit_s: float) -> None:
        self._stream = stream
        self._alive_s = 3 * limit_s + SECONDS_TO_BE_ENDED
        self._set()

    def __call__(self, **event: Any) -> None:
        if time.monotonic() - self._last >= 1:
            self._set()
        self._stream.write(json.dumps(event) + "\n")
        self._stream.flush()

    def _set(self) -> None:
        self._last = time.monotonic()
        faulthandler.dump_traceback_later(self._alive_s, exit=True)


def _read(orders: SimpleQueue[Order]) -> None:
    """Queue orders, and leave at once when their end is reached, whatever else is going on.

    Reads the descriptor, since a thread that waits inside `sys.stdin` makes Python abort when it
    shuts down.
    """
    line = b""
    while part := os.read(0, 4096):
        *whole, line = (line + part).split(b"\n")
        for each in whole:
            orders.put(json.loads(each))
    os._exit(1)


class _Side:
    """The model that is loaded now, and what was read of it."""

    def __init__(self) -> None:
        self._session: Session | None = None
        self._readings: Readings = {}
        self._blocks: list[list[float]] = []

    def obey(self, order: Order) -> dict[str, Any]:
        """Do one thing and return what to answer."""
        match order["order"]:
            case "begin":
                return _begin(order)
            case "load":
                return self._load(order)
            case "block":
                return self._block(order["seconds"])
            case "read":
                return self._read()
            case other:
                raise ValueError(f"there is no order {other!r}")

    def _load(self, order: Order) -> dict[str, Any]:
        engine = engine_with(order["engine"], order["options"])
        self._session, self._readings = start(engine, Path(order["model"]), order["threads"])
        self._blocks = []
        return {}

    def _block(self, seconds: float) -> dict[str, Any]:
        if self._session is None:
            raise ValueError("no model is loaded")
        times = block(self._session.invoke, seconds, time.perf_counter)
        self._blocks.append(times)
        return {"median": statistics.median(times)}

    def _read(self) -> dict[str, Any]:
        if self._session is None:
            raise ValueError("no model is loaded")
        self._session.close()
        self._session = None
        gc.collect()
        return {"readings": {**self._readings, **latencies(self._blocks)}}


def _begin(order: Order) -> dict[str, Any]:
    """Import the engines, and return the versions of the distributions that are asked for."""
    versions = {}
    for distribution in order.get("distributions", ()):
        try:
            versions[distribution] = importlib.metadata.version(distribution)
        except importlib.metadata.PackageNotFoundError as error:
            raise ValueError(f"it has no {distribution}") from error
    for engine in order["engines"]:
        engine_with(engine, {})
    return {"versions": versions}


if __name__ == "__main__":
    main()
