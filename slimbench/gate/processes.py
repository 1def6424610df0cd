"""The parent's end of the processes in which pairs are timed: one after the other, each watched.

A file that its runtime refuses, that hangs it or that takes it down is named and left out; the
others go on.
"""

from __future__ import annotations

import queue
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random

from slimbench.errors import UsageProblem
from slimbench.gate.child import Child
from slimbench.spec import Advance, Case

WORKER = (sys.executable, "-m", "slimbench.gate.worker")


@dataclass(frozen=True, slots=True)
class Timed:
    """Two files to time against each other, each with what its runtime is told beyond threads.

    `control` marks a baseline against itself, which tells about the machine and not about a file.
    """

    case: Case
    baseline: Path
    candidate: Path
    baseline_options: Mapping[str, str] = field(default_factory=dict)
    candidate_options: Mapping[str, str] = field(default_factory=dict)
    control: bool = False

    def against_itself(self) -> Timed:
        """Return the control: the baseline on both sides."""
        return replace(
            self,
            candidate=self.baseline,
            candidate_options=self.baseline_options,
            control=True,
        )


@dataclass(frozen=True, slots=True)
class Paired:
    """One metric of both sides in one process; `log_ratio` is log(candidate / baseline)."""

    baseline: float
    candidate: float
    log_ratio: float


Reading = dict[str, Paired]
"""What one process read of a pair, by metric; a metric that could not be read is not in it."""


@dataclass(frozen=True, slots=True)
class Broken:
    """A pair that could not be timed, and which file's fault it is."""

    reason: str


Readings = tuple[Reading, ...] | Broken
"""What all processes read of a pair, in their order."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How long is measured, in one process: rounds of a pair last `pair_seconds` or longer.

    `limit_s` is how long a process may be silent: loading one file, or one round, is within it.
    """

    block_seconds: float = 0.015
    pair_seconds: float = 0.2
    rounds: int = 4
    limit_s: float = 60.0


@dataclass(frozen=True, slots=True)
class Fault:
    """Which of the pairs could not be timed, and why."""

    pair: int
    reason: str


Once = Callable[[Sequence[Timed], bool], list[Reading] | Fault]
"""Times pairs in one fresh process; told whether the candidate is loaded first."""


def repeatedly(
    once: Once, pairs: Sequence[Timed], processes: int, advance: Advance
) -> list[Readings]:
    """Time all pairs in each of `processes` processes, sides loaded in alternating order.

    A process that a file put an end to is repeated without that file's pair.
    """
    found: list[list[Reading]] = [[] for _ in pairs]
    broken: dict[int, Broken] = {}
    done = 0
    while done < processes and len(broken) < len(pairs):
        sound = [index for index in range(len(pairs)) if index not in broken]
        advance(done, processes)
        outcome = once([pairs[index] for index in sound], bool(done % 2))
        if isinstance(outcome, Fault):
            broken[sound[outcome.pair]] = Broken(outcome.reason)
            continue
        for index, reading in zip(sound, outcome, strict=True):
            found[index].append(reading)
        done += 1
    advance(processes, processes)
    return [broken.get(index, tuple(found[index])) for index in range(len(pairs))]


@dataclass(frozen=True, slots=True)
class Timer:
    """Times pairs in fresh processes; `rng` gives each its seed."""

    effort: Effort = Effort()
    rng: Random = field(default_factory=Random)
    command: Sequence[str] = WORKER

    def __call__(self, pairs: Sequence[Timed], processes: int, advance: Advance) -> list[Readings]:
        """Time all pairs in each of `processes` processes, sides loaded in alternating order.

        Raises:
            UsageProblem: A process ended before it came to any file.
        """
        return repeatedly(self._one, pairs, processes, advance)

    def _one(self, pairs: Sequence[Timed], candidate_first: bool) -> list[Reading] | Fault:
        effort = self.effort
        job = {
            "pairs": [
                {
                    "engine": pair.case.engine,
                    "threads": pair.case.threads,
                    "baseline": str(pair.baseline),
                    "candidate": str(pair.candidate),
                    "baseline_options": dict(pair.baseline_options),
                    "candidate_options": dict(pair.candidate_options),
                }
                for pair in pairs
            ],
            "candidate_first": candidate_first,
            "seed": self.rng.getrandbits(32),
            "block_seconds": effort.block_seconds,
            "pair_seconds": effort.pair_seconds,
            "rounds": effort.rounds,
            "limit_s": effort.limit_s,
        }
        with Child(self.command) as process:
            process.tell(job)
            return _follow(process, pairs, effort.limit_s)


def _follow(process: Child, pairs: Sequence[Timed], limit_s: float) -> list[Reading] | Fault:
    """Read events to the end; say which file it was about if they stop."""
    found: dict[int, Reading] = {}
    pair, side = None, None
    while True:
        try:
            event = process.event(limit_s)
        except queue.Empty:
            happened = f"answered nothing for {limit_s:g} s and was ended"
            return _fault(pairs, pair, side, happened)
        kind = event["event"]
        if kind == "at":
            pair, side = event["pair"], event["side"]
        elif kind == "pair":
            found[event["pair"]] = _reading(event["readings"])
        elif kind == "refused":
            return _fault(pairs, pair, side, f"was refused: {event['reason']}")
        elif kind == "died":
            return _fault(pairs, pair, side, f"took its process down ({process.ending()})")
        elif kind == "end":
            return [found[index] for index in range(len(pairs))]


def _fault(pairs: Sequence[Timed], pair: int | None, side: str | None, happened: str) -> Fault:
    if pair is None:
        raise UsageProblem(
            f"The process that times the files {happened} before it came to any. "
            "Check the environment: make clean, then make test."
        )
    files = {"baseline": pairs[pair].baseline, "candidate": pairs[pair].candidate}
    if side is not None:
        return Fault(pair, f"the {side}'s file {files[side]} {happened}")
    both = f"{files['baseline']} (baseline) or {files['candidate']} (candidate)"
    return Fault(pair, f"timing {both}: one of the two {happened}")


def _reading(readings: dict[str, list[float | None]]) -> Reading:
    return {
        metric: Paired(baseline, candidate, ratio)
        for metric, (baseline, candidate, ratio) in readings.items()
        if baseline is not None and candidate is not None and ratio is not None
    }
