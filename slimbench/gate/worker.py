"""The fresh process in which pairs of files are timed; nothing but the engine is imported.

Started by `slimbench.gate.processes` as `python -m slimbench.gate.worker`. It reads one line of
JSON from standard input, reports on standard output in lines of JSON, and leaves when its standard
input closes, however its parent ended.
"""

from __future__ import annotations

import contextlib
import copy
import faulthandler
import gc
import importlib
import json
import math
import os
import pkgutil
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any, TextIO

import numpy as np

from slimbench import engines
from slimbench.exit_with_parent import end_with_parent
from slimbench.gate.timed_blocks import take_rounds
from slimbench.measurement.startup import STATUS, status_kib
from slimbench.spec import Engine, Session

WARM_SECONDS = 0.02
WARM_INVOCATIONS = 2

SECONDS_TO_BE_ENDED = 10.0
"""How much longer than its parent's limit a process lives that nobody ended."""

Readings = dict[str, float | None]


class _Report:
    """Lines for the parent; each also puts off the moment at which a stuck process ends itself.

    That timer needs no lock of Python's, so it ends even a runtime that hangs while it holds it.
    """

    def __init__(self, stream: TextIO, limit_s: float) -> None:
        self._stream = stream
        self._alive_s = limit_s + SECONDS_TO_BE_ENDED
        self._last = -math.inf

    def __call__(self, **event: Any) -> None:
        self._last = time.monotonic()
        faulthandler.dump_traceback_later(self._alive_s, exit=True)
        self._stream.write(json.dumps(event) + "\n")
        self._stream.flush()

    def alive(self) -> None:
        """Say so once a second at most, since the parent wakes up to read it."""
        if time.monotonic() - self._last >= 1:
            self(event="alive")


def main() -> None:
    """Do the job that is read from standard input."""
    stream = os.fdopen(os.dup(1), "w", encoding="utf-8")
    job = json.loads(sys.stdin.buffer.readline())
    end_with_parent()
    os.dup2(2, 1)  # what a runtime prints is not for the parent
    gc.disable()
    report = _Report(stream, job["limit_s"])
    rng = Random(job["seed"])  # noqa: S311  (the order is no secret)
    pairs = job["pairs"]
    for index in rng.sample(range(len(pairs)), len(pairs)):
        try:
            readings = _time(index, pairs[index], job, rng, report)
        except (ValueError, RuntimeError) as error:
            report(event="refused", reason=" ".join(str(error).split()))
            return
        report(event="pair", pair=index, readings=readings)
        gc.collect()
    report(event="end")


def _time(
    index: int, pair: Mapping[str, Any], job: Mapping[str, Any], rng: Random, report: _Report
) -> dict[str, list[float | None]]:
    """Return for each metric its baseline, candidate and log ratio; None what cannot be read."""
    names = ["candidate", "baseline"] if job["candidate_first"] else ["baseline", "candidate"]
    sessions: dict[str, Session] = {}
    started: dict[str, Readings] = {}
    for name in names:
        report(event="at", pair=index, side=name)
        engine = engine_with(pair["engine"], pair[f"{name}_options"])
        sessions[name], started[name] = start(engine, Path(pair[name]), pair["threads"])
    report(event="at", pair=index, side=None)
    rounds = take_rounds(
        sessions["baseline"].invoke,
        sessions["candidate"].invoke,
        seconds=job["pair_seconds"],
        fewest=job["rounds"],
        block_seconds=job["block_seconds"],
        rng=rng,
        clock=time.perf_counter,
        tell=report.alive,
    )
    for session in sessions.values():
        session.close()
    timed = {"baseline": rounds.baseline, "candidate": rounds.candidate}
    for name, blocks in timed.items():
        started[name] |= latencies(blocks)
    readings: dict[str, list[float | None]] = {}
    for metric in started["baseline"]:
        baseline, candidate = started["baseline"][metric], started["candidate"][metric]
        readings[metric] = [baseline, candidate, log_ratio(baseline, candidate)]
    readings["latency_ms.p50"][2] = statistics.median(map(math.log, rounds.ratios()))
    return readings


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


def start(engine: Engine, model: Path, threads: int) -> tuple[Session, Readings]:
    """Load a model, run it first, then warm; the first of a process finds colder caches.

    That is why sides take turns in being loaded first.
    """
    _forget_peak()
    resident = _memory_kib("VmRSS")
    start = time.perf_counter()
    session = engine.load(model, threads)
    loaded = time.perf_counter()
    session.feed(_image(session.input_shape))
    fed = time.perf_counter()
    session.invoke()
    invoked = time.perf_counter()
    peak = _memory_kib("VmHWM")
    warm = 0
    while warm < WARM_INVOCATIONS or time.perf_counter() - invoked < WARM_SECONDS:
        session.invoke()
        warm += 1
    return session, {
        "init_ms": (loaded - start) * 1e3,
        "first_invoke_ms": (invoked - fed) * 1e3,
        "peak_rss_mb": None if peak is None or resident is None else (peak - resident) / 1024,
    }


def _image(input_shape: tuple[int, ...]) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Return the same noise for the same shape: no kernel has an easy time with it."""
    return np.random.default_rng(0).integers(0, 256, input_shape[1:], dtype=np.uint8)


def latencies(blocks: Sequence[Sequence[float]]) -> Readings:
    """Return the median and p90 in milliseconds of the seconds in blocks."""
    every = [seconds for each in blocks for seconds in each]
    return {
        "latency_ms.p50": statistics.median(map(statistics.median, blocks)) * 1e3,
        "latency_ms.p90": float(np.percentile(every, 90)) * 1e3,
    }


def log_ratio(baseline: float | None, candidate: float | None) -> float | None:
    """Return log(candidate / baseline), None where a side has no value above 0."""
    if baseline is None or candidate is None or baseline <= 0 or candidate <= 0:
        return None
    return math.log(candidate / baseline)


def _forget_peak() -> None:
    """Have Linux count the peak of memory from here on (clear_refs 5, proc_pid_clear_refs(5))."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def _memory_kib(field: str) -> int | None:
    return status_kib(STATUS.read_text(), field) if STATUS.exists() else None


if __name__ == "__main__":
    main()
