"""What a model costs to start, measured in this process: run it in a fresh one.

`python -m slimbench.measurement.startup MODEL ENGINE THREADS` prints one JSON line, `init_ms`,
`first_invoke_ms` and `peak_rss_mb` (null where there is no /proc). Only the engine is imported,
so that what is read is the model's cost and the start is quick.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np

from slimbench import engines

STATUS = Path("/proc/self/status")


def status_kib(status: str, field: str) -> int:
    """Return a memory field of Linux's /proc/<pid>/status, in KiB; KeyError if it has none."""
    for line in status.splitlines():
        name, _, value = line.partition(":")
        if name == field:
            return int(value.split()[0])
    raise KeyError(field)


def _memory_kib(field: str) -> int | None:
    return status_kib(STATUS.read_text(), field) if STATUS.exists() else None


def probe(model: Path, engine: str, threads: int) -> dict[str, float | None]:
    """Return what starting the model costs in this process, which must not have loaded it before.

    Milliseconds to load and allocate, milliseconds of the first invocation (on a black image),
    and MiB: VmHWM after it minus VmRSS before the file is opened. VmHWM and not `ru_maxrss`,
    since a child's `ru_maxrss` starts at its parent's peak.
    """
    runtime = engines.get(engine)
    runtime.prepare()
    resident = _memory_kib("VmRSS")
    start = time.perf_counter()
    session = runtime.load(model, threads)
    loaded = time.perf_counter()
    session.feed(np.zeros(session.input_shape[1:], np.uint8))
    fed = time.perf_counter()
    session.invoke()
    invoked = time.perf_counter()
    peak = _memory_kib("VmHWM")
    session.close()
    return {
        "init_ms": (loaded - start) * 1e3,
        "first_invoke_ms": (invoked - fed) * 1e3,
        "peak_rss_mb": None if peak is None or resident is None else (peak - resident) / 1024,
    }


def main(arguments: list[str]) -> None:
    """Print one probe as JSON."""
    model, engine, threads = arguments
    print(json.dumps(probe(Path(model), engine, int(threads))))  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1:])
