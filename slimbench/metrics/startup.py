"""What a model costs before its first answer: time to load, first inference, memory.

Each is read in a fresh process, since a process that has run a model before has warm allocators,
and a peak of memory that is not this model's.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from pathlib import Path

from slimbench import child_process
from slimbench.child_process import python_module
from slimbench.measurement.startup import Costs
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


def run_probe(model: Path, engine: str, threads: int, time_limit_s: float = TIME_LIMIT_S) -> Costs:
    """Return what `slimbench.measurement.startup` reads in a fresh process.

    Raises:
        ValueError: The process died or hung; names the file and how it ended.
    """
    probe = python_module(
        "slimbench.measurement.startup", str(model.absolute()), engine, str(threads)
    )
    done = child_process.run(probe, time_limit_s)
    if done.status != 0:
        raise ValueError(f"{model} could not be started by {engine} ({done.ending})")
    costs: Costs = json.loads(done.output.splitlines()[-1])
    return costs


def summarise(probes: Sequence[Costs]) -> Reading:
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
