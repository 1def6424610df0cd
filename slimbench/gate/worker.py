"""The fresh process in which files are timed; nothing but their engines is imported.

It holds both sides of a pair or, where each has an environment of its own, one. Started by
`slimbench.gate.environment`. Each line of JSON on standard input is an order, answered by one on
standard output, whose `event` names what was done: `begin`, `load`, `block`, `read`, or `refused`.
When standard input closes it leaves, however its parent ended.
"""

from __future__ import annotations

import contextlib
import copy
import faulthandler
import gc
import importlib
import importlib.metadata
import json
import os
import pkgutil
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TextIO

import numpy as np

from slimbench import engines
from slimbench.exit_with_parent import end_with_parent
from slimbench.measurement.pairs import timed_block
from slimbench.measurement.startup import Costs, start
from slimbench.spec import Engine, Pixels, Session

WARM_SECONDS = 0.02

SECONDS_TO_BE_ENDED = 10.0
"""How much longer than its parent may wait a process lives that nobody ended."""

Order = Mapping[str, Any]


def main() -> None:
    """Obey orders until there are no more."""
    stream = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a runtime prints is not for the parent
    orders: SimpleQueue[Order] = SimpleQueue()
    end_with_parent(lambda line: orders.put(json.loads(line)))
    gc.disable()
    order, models = orders.get(), _Models()
    answer = _Answers(stream, order["limit_s"])
    while True:
        try:
            answer(event=order["order"], **models.obey(order))
        except (ImportError, ValueError, RuntimeError) as error:
            answer(event="refused", reason=" ".join(str(error).split()))
            return
        order = orders.get()


class _Answers:
    """Writes lines for the parent, and ends the process where it has written none for long.

    The timer for that needs no lock of Python's, so it ends even a runtime that hangs and holds it.
    It waits for three time limits, since two turns of another process, each as long as the limit,
    may lie between two orders. It is set once a second at most: that starts a thread, and blocks
    follow each other fast.
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


@dataclass(frozen=True, slots=True)
class _Model:
    """A model that is loaded, what starting it cost, and the seconds of its blocks so far."""

    session: Session
    costs: Costs
    blocks: list[list[float]] = field(default_factory=list)


class _Models:
    """The models that are loaded now, by side."""

    def __init__(self) -> None:
        self._models: dict[str, _Model] = {}

    def obey(self, order: Order) -> dict[str, Any]:
        """Do one thing and return what to answer."""
        match order["order"]:
            case "begin":
                return _begin(order)
            case "load":
                return self._load(order)
            case "block":
                return self._block(order)
            case "read":
                return self._read(order)
            case other:
                raise ValueError(f"there is no order {other!r}")

    def _load(self, order: Order) -> dict[str, Any]:
        """Start a model, then warm it; the first of a process pays for the runtime too."""
        engine = engine_with(order["engine"], order["options"])
        _forget_peak()
        session, costs = start(engine, Path(order["model"]), order["threads"], _noise)
        timed_block(session.invoke, seconds=WARM_SECONDS)
        self._models[order["side"]] = _Model(session, costs)
        return {}

    def _block(self, order: Order) -> dict[str, Any]:
        model = self._models[order["side"]]
        times = timed_block(model.session.invoke, seconds=order["seconds"])
        model.blocks.append(times)
        return {"median": statistics.median(times)}

    def _read(self, order: Order) -> dict[str, Any]:
        """Free a model; return what was read of it."""
        model = self._models.pop(order["side"])
        model.session.close()
        gc.collect()
        return {"readings": {**model.costs, **_latencies(model.blocks)}}


def _begin(order: Order) -> dict[str, Any]:
    """Import the engines, and return the versions of distributions."""
    versions = {}
    for distribution in order["distributions"]:
        try:
            versions[distribution] = importlib.metadata.version(distribution)
        except importlib.metadata.PackageNotFoundError as error:
            raise ValueError(f"it has no {distribution}") from error
    for engine in order["engines"]:
        engine_with(engine, {})
    return {"versions": versions}


def engine_with(name: str, options: Mapping[str, str]) -> Engine:
    """Return the engine of this name, told these options and no others.

    Its own file alone is imported where that has its name, and the runtime that it needs.
    """
    engine: Engine
    if any(module.name == name for module in pkgutil.iter_modules(engines.__path__)):
        engine = importlib.import_module(f"{engines.__name__}.{name}").ENGINE
    else:
        engine = engines.get(name)
    engine.prepare()
    engine = copy.copy(engine)
    engine.options = options
    return engine


def _noise(input_shape: tuple[int, ...]) -> Pixels:
    """Return the same noise for the same shape: no kernel has an easy time with it."""
    return np.random.default_rng(0).integers(0, 256, input_shape[1:], dtype=np.uint8)


def _latencies(blocks: Sequence[Sequence[float]]) -> Costs:
    """Return the median and p90 in milliseconds of the seconds in blocks."""
    every = [seconds for block in blocks for seconds in block]
    return {
        "latency_ms.p50": statistics.median(map(statistics.median, blocks)) * 1e3,
        "latency_ms.p90": float(np.percentile(every, 90)) * 1e3,
    }


def _forget_peak() -> None:
    """Have Linux count the peak of memory from here on (clear_refs 5, proc_pid_clear_refs(5))."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


if __name__ == "__main__":
    main()
