"""What a model costs to start: time to load and allocate, first invocation, peak memory.

`python -m slimbench.measurement.startup MODEL ENGINE THREADS` prints one JSON line, `init_ms`,
`first_invoke_ms` and `peak_rss_mb` (null where there is no /proc). Only the engine is imported,
so that what is read is the model's cost and the start is quick.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from slimbench import engines
from slimbench.spec import Engine, Pixels, Session

STATUS = Path("/proc/self/status")

Costs = dict[str, float | None]
"""By metric, `_ms` in milliseconds and `_mb` in MiB; None what cannot be read here."""


def status_kib(status: str, field: str) -> int:
    """Return a memory field of Linux's /proc/<pid>/status, in KiB; KeyError if it has none."""
    for line in status.splitlines():
        name, _, value = line.partition(":")
        if name == field:
            return int(value.split()[0])
    raise KeyError(field)


def _memory_kib(field: str) -> int | None:
    return status_kib(STATUS.read_text(), field) if STATUS.exists() else None


def _black(input_shape: tuple[int, ...]) -> Pixels:
    return np.zeros(input_shape[1:], np.uint8)


def start(
    engine: Engine,
    model: Path,
    threads: int,
    image_of: Callable[[tuple[int, ...]], Pixels] = _black,
) -> tuple[Session, Costs]:
    """Load a model and invoke it once; return its session and what that cost.

    The costs are milliseconds to load and allocate, milliseconds of the first invocation, and MiB:
    VmHWM after it minus VmRSS before the file is opened. VmHWM and not `ru_maxrss`, since a
    child's `ru_maxrss` starts at its parent's peak. `image_of` returns an image for the shape of
    the model's input, black by default.
    """
    resident = _memory_kib("VmRSS")
    start = time.perf_counter()
    session = engine.load(model, threads)
    loaded = time.perf_counter()
    session.feed(image_of(session.input_shape))
    fed = time.perf_counter()
    session.invoke()
    invoked = time.perf_counter()
    peak = _memory_kib("VmHWM")
    return session, {
        "init_ms": (loaded - start) * 1e3,
        "first_invoke_ms": (invoked - fed) * 1e3,
        "peak_rss_mb": None if peak is None or resident is None else (peak - resident) / 1024,
    }


def probe(model: Path, engine: str, threads: int) -> Costs:
    """Return what starting a model costs in this process, which must not have loaded it before."""
    runtime = engines.get(engine)
    runtime.prepare()
    session, costs = start(runtime, model, threads)
    session.close()
    return costs


def main(arguments: list[str]) -> None:
    """Print one probe as JSON."""
    model, engine, threads = arguments
    print(json.dumps(probe(Path(model), engine, int(threads))))  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1:])
