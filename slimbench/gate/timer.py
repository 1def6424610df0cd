"""Times pairs of files in fresh processes, one after the other, each watched.

Both files of a pair are in one process, unless each side has an environment of its own: then two
processes take turns. A worker runs a block on request, so that no two run at once and what
disturbs the machine disturbs both sides. A file that its runtime refuses, that hangs it or that
takes it down is named and left out; the others go on.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, Literal

from slimbench.child_process import Event
from slimbench.errors import UsageProblem
from slimbench.gate.environment import HERE, Environment, Worker, WorkerStopped
from slimbench.measurement.pairs import take_rounds
from slimbench.metrics.latency import P50
from slimbench.spec import Advance, Case

MEDIAN_LATENCY = P50.key
"""The metric whose ratio is the median of the rounds' ratios, not the ratio of the medians."""

SideName = Literal["baseline", "candidate"]

SIDES: tuple[SideName, SideName] = ("baseline", "candidate")

Workers = Mapping[SideName, Worker]
"""The process that each side is in: the same one, unless each has an environment of its own."""


@dataclass(frozen=True, slots=True)
class FilePair:
    """Two files that are to be timed against each other, with the options of their runtimes.

    `control` marks a baseline against itself, which tells about the machine and not about a file.
    """

    case: Case
    baseline: Path
    candidate: Path
    baseline_options: Mapping[str, str] = field(default_factory=dict)
    candidate_options: Mapping[str, str] = field(default_factory=dict)
    control: bool = False

    def file(self, side: SideName) -> Path:
        """Return the file of a side."""
        return self.baseline if side == "baseline" else self.candidate

    def options(self, side: SideName) -> Mapping[str, str]:
        """Return the options of a side's runtime."""
        return self.baseline_options if side == "baseline" else self.candidate_options

    def against_itself(self) -> FilePair:
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
    """How long a pair is timed in one process.

    Rounds, of a block of each side, go on until there are at least `rounds` of them and
    `pair_seconds` have passed. `limit_s` is how long a process may be silent: loading one file, or
    one block, is within it.
    """

    block_seconds: float = 0.015
    pair_seconds: float = 0.2
    rounds: int = 4
    limit_s: float = 60.0

    def suffices(self, rounds: int, seconds: float) -> bool:
        """Tell whether this number of rounds, taken in this many seconds, is enough."""
        return rounds >= self.rounds and seconds >= self.pair_seconds


@dataclass(frozen=True, slots=True)
class Timer:
    """Times pairs with `environment`'s runtime.

    With a `baseline_environment` the baselines' files run there, in a process beside the other. A
    control then runs there on both sides, in two processes: it checks that two equal processes give
    equal times now. `rng` orders pairs and blocks.
    """

    effort: Effort = Effort()
    rng: Random = field(default_factory=Random)
    environment: Environment = HERE
    baseline_environment: Environment | None = None

    def __call__(
        self, pairs: Sequence[FilePair], processes: int, advance: Advance
    ) -> list[Readings]:
        """Time all pairs in each of `processes` processes, sides loaded in alternating order.

        A process that a file put an end to is repeated without that file's pair.

        Raises:
            UsageProblem: A process ended before it came to any file.
        """
        readings: list[list[Reading]] = [[] for _ in pairs]
        broken: dict[int, Broken] = {}
        done = 0
        while done < processes and len(broken) < len(pairs):
            sound = [index for index in range(len(pairs)) if index not in broken]
            advance(done, processes)
            try:
                once = self._repetition([pairs[index] for index in sound], bool(done % 2))
            except _FileAtFault as fault:
                index = next(index for index in sound if pairs[index] is fault.pair)
                broken[index] = Broken(str(fault))
                continue
            for index, reading in zip(sound, once, strict=True):
                readings[index].append(reading)
            done += 1
        advance(processes, processes)
        return [broken.get(index, tuple(readings[index])) for index in range(len(pairs))]

    def _repetition(self, pairs: Sequence[FilePair], candidate_first: bool) -> list[Reading]:
        """Time each pair once; raises _FileAtFault for one that cannot be."""
        readings: dict[int, Reading] = {}
        for group in self._groups(pairs):
            with ExitStack() as stack:
                workers = self._workers([pairs[index] for index in group], stack)
                for index in self.rng.sample(group, len(group)):
                    readings[index] = self._time(pairs[index], workers, candidate_first)
        return [readings[index] for index in range(len(pairs))]

    def _groups(self, pairs: Sequence[FilePair]) -> list[list[int]]:
        """Return the places of pairs that share their processes."""
        if self.baseline_environment is None:
            return [list(range(len(pairs)))]
        groups = [
            [index for index, pair in enumerate(pairs) if pair.control is control]
            for control in self.rng.sample((False, True), 2)
        ]
        return [group for group in groups if group]

    def _workers(self, pairs: Sequence[FilePair], stack: ExitStack) -> Workers:
        """Start the processes of pairs, at once since nothing is timed in the meantime."""

        def start(environment: Environment) -> Worker:
            worker = stack.enter_context(closing(Worker(environment, self.effort.limit_s)))
            worker.begin({pair.case.engine for pair in pairs})
            return worker

        if self.baseline_environment is None:
            workers: Workers = dict.fromkeys(SIDES, start(self.environment))
        else:
            environments = self._environments(pairs[0])
            workers = {side: start(environments[side]) for side in SIDES}
        for worker, side in {worker: side for side, worker in workers.items()}.items():
            try:
                worker.answer()
            except WorkerStopped as stopped:
                raise UsageProblem(self._without_file(side, pairs[0], stopped)) from None
        return workers

    def _environments(self, pair: FilePair) -> Mapping[SideName, Environment]:
        baseline = self.baseline_environment or self.environment
        return {"baseline": baseline, "candidate": baseline if pair.control else self.environment}

    def _time(self, pair: FilePair, workers: Workers, candidate_first: bool) -> Reading:
        ask = partial(self._ask, pair, workers)
        for side in reversed(SIDES) if candidate_first else SIDES:
            ask(
                side,
                "load",
                model=str(pair.file(side)),
                engine=pair.case.engine,
                threads=pair.case.threads,
                options=dict(pair.options(side)),
            )
        effort = self.effort

        def block(side: SideName) -> float:
            return float(ask(side, "block", seconds=effort.block_seconds)["median"])

        rounds = take_rounds({s: partial(block, s) for s in SIDES}, effort.suffices, self.rng)
        ratio = statistics.median(math.log(r["candidate"] / r["baseline"]) for r in rounds)
        reading = _paired(*(ask(side, "read")["readings"] for side in SIDES))
        return {**reading, MEDIAN_LATENCY: replace(reading[MEDIAN_LATENCY], log_ratio=ratio)}

    def _ask(
        self,
        pair: FilePair,
        workers: Workers,
        side: SideName,
        order: str,
        **details: Any,
    ) -> Event:
        try:
            return workers[side].ask(order, side=side, **details)
        except WorkerStopped as stopped:
            reason = f"{self._at_fault(pair, side, order)} {stopped}"
            raise _FileAtFault(pair, reason) from None

    def _at_fault(self, pair: FilePair, side: SideName, order: str) -> str:
        """Name the file that may have stopped a worker, or both where both were in it."""
        if self.baseline_environment is not None:
            python = self._environments(pair)[side].python
            return f"the {side}'s file {pair.file(side)}, run with {python},"
        if order == "load":
            return f"the {side}'s file {pair.file(side)}"
        both = f"{pair.baseline} (baseline) or {pair.candidate} (candidate)"
        return f"timing {both}: one of the two"

    def _without_file(self, side: SideName, pair: FilePair, stopped: WorkerStopped) -> str:
        """Say that a worker stopped before it came to a file."""
        if self.baseline_environment is None:
            return (
                f"The process that times the files {stopped} before it came to any. "
                "Check the environment: make clean, then make test."
            )
        python = self._environments(pair)[side].python
        return (
            f"The process that times the {side}'s files with {python} {stopped} before it came to "
            "any. Check that environment."
        )


class _FileAtFault(Exception):
    """A file of a pair that stopped its process; the message names it, or both, and says how."""

    def __init__(self, pair: FilePair, reason: str) -> None:
        super().__init__(reason)
        self.pair = pair


def _paired(baseline: Mapping[str, float | None], candidate: Mapping[str, float | None]) -> Reading:
    """Return, by metric, what was read of both sides and is above 0."""
    return {
        metric: Paired(before, after, math.log(after / before))
        for metric, before in baseline.items()
        if before and before > 0 and (after := candidate[metric]) and after > 0
    }
