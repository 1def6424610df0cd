"""What a model costs before its first answer: time to load, first inference, memory.

Each is read in a fresh process, since a process that has run a model before has warm allocators,
and a peak of memory that is not this model's.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from slimbench.paths import CODE
from slimbench.spec import Figure, Group, Kind, Metric, Reading, Subject, Unmeasured

PROBES = 3
TIME_LIMIT_S = 60.0

NO_PROC = "peak memory is read from /proc/self/status, which this platform does not have"

FIGURES = (
    Figure(
        "init_ms",
        "ms",
        better="less",
        label="Initialisation",
        judge="pairs",
        tolerance=None,
    ),
    Figure(
        "first_invoke_ms",
        "ms",
        better="less",
        label="First invocation",
        label_fr="Première inférence",
        judge="pairs",
        tolerance=None,
    ),
    Figure(
        "peak_rss_mb",
        "MiB",
        better="less",
        label="Peak memory",
        label_fr="Mémoire maximale",
        judge="pairs",
        tolerance=None,
    ),
)


def _last_line(text: str | bytes | None) -> str:
    """Return the last line that says something; a timeout hands over bytes, or nothing."""
    decoded = text.decode(errors="replace") if isinstance(text, bytes) else text or ""
    lines = [line.strip() for line in decoded.splitlines() if line.strip()]
    return lines[-1] if lines else "it wrote no message"


def run_probe(
    model: Path, engine: str, threads: int, time_limit_s: float = TIME_LIMIT_S
) -> dict[str, float | None]:
    """Return what `slimbench.measurement.startup` reads in a fresh process.

    Raises:
        ValueError: The process died or hung; names the file and the last line of its stderr.
    """
    command = [sys.executable, "-m", "slimbench.measurement.startup"]
    command += [str(model.absolute()), engine, str(threads)]
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=time_limit_s,
            check=False,
            cwd=CODE,
        )
    except subprocess.TimeoutExpired as error:
        raise ValueError(
            f"{model} was not started by {engine} within {time_limit_s:g} s; "
            f"the last line of its process: {_last_line(error.stderr)}"
        ) from error
    if done.returncode != 0:
        raise ValueError(
            f"{model} could not be started by {engine} (exit status {done.returncode}); "
            f"the last line of its process: {_last_line(done.stderr)}"
        )
    reading: dict[str, float | None] = json.loads(_last_line(done.stdout))
    return reading


def summarise(probes: Sequence[dict[str, float | None]]) -> Reading:
    """Return the median of each value; of memory only where every probe could read it."""
    reading: dict[str, float | Unmeasured] = {}
    for key in Startup.keys:
        values = [value for each in probes if (value := each[key]) is not None]
        complete = len(values) == len(probes)
        reading[key] = statistics.median(values) if complete else Unmeasured(NO_PROC)
    return reading


class Startup:
    """Time to load and allocate, time of the first invocation, peak memory of both."""

    keys: tuple[str, ...] = ("init_ms", "first_invoke_ms", "peak_rss_mb")
    figures: tuple[Figure, ...] = FIGURES
    group: Group = "latency"
    kind: Kind = "measure"

    def read(self, subject: Subject) -> Reading:
        """Return medians over fresh processes, in ms and MiB."""
        case = subject.case
        return summarise(
            [run_probe(subject.model, case.engine, case.threads) for _ in range(PROBES)]
        )


METRICS: tuple[Metric, ...] = (Startup(),)
