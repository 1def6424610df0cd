"""Times pairs whose sides have an environment each: two processes at a time, which take turns.

One is told to run a block while the other waits for its order, so that no two run at once and
what disturbs the machine disturbs both; the order within a round is random, as in one process.
A control has the baseline's environment on both sides, in two processes as well: it says whether
two processes alike come out alike now, which no pair of unlike runtimes could.
"""

from __future__ import annotations

import math
import queue
import statistics
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Literal, NoReturn

from slimbench.errors import UsageProblem
from slimbench.gate.child import Child
from slimbench.gate.environment import HERE, Environment
from slimbench.gate.latency_comparison import JUDGED
from slimbench.gate.processes import Effort, Fault, Paired, Reading, Readings, Timed, repeatedly
from slimbench.spec import Advance

EFFORT = Effort()

Name = Literal["baseline", "candidate"]

Values = Mapping[str, float | None]
"""What one process read of its side, by metric; None what could not be read."""

NAMES: tuple[Name, Name] = ("baseline", "candidate")


@dataclass(frozen=True, slots=True)
class TurnsTimer:
    """Times pairs in fresh pairs of processes, one a side; `rng` orders pairs and blocks."""

    baseline: Environment
    candidate: Environment = HERE
    effort: Effort = EFFORT
    rng: Random = field(default_factory=Random)

    def __call__(self, pairs: Sequence[Timed], processes: int, advance: Advance) -> list[Readings]:
        """Time all pairs in each of `processes` pairs of processes.

        Raises:
            UsageProblem: A process ended before it came to any file.
        """
        return repeatedly(self._one, pairs, processes, advance)

    def _one(self, pairs: Sequence[Timed], candidate_first: bool) -> list[Reading] | Fault:
        found: dict[int, Reading] = {}
        for control in self.rng.sample((False, True), 2):
            group = [index for index, pair in enumerate(pairs) if pair.control is control]
            if not group:
                continue
            engines = {pairs[index].case.engine for index in group}
            with ExitStack() as stack:
                sides = self._sides(control, engines, stack)
                for index in self.rng.sample(group, len(group)):
                    try:
                        found[index] = self._time(pairs[index], sides, candidate_first)
                    except _Stopped as stopped:
                        return Fault(index, str(stopped))
        return [found[index] for index in range(len(pairs))]

    def _sides(
        self, control: bool, engines: Iterable[str], stack: ExitStack
    ) -> Mapping[Name, _Side]:
        """Start both processes, at once since nothing is timed in the meantime."""
        environments = (self.baseline, self.baseline if control else self.candidate)
        sides = {
            name: _Side(name, environment, self.effort.limit_s, stack)
            for name, environment in zip(NAMES, environments, strict=True)
        }
        for side in sides.values():
            side.prepare(engines)
        for side in sides.values():
            side.wait()
        return sides

    def _time(self, pair: Timed, sides: Mapping[Name, _Side], candidate_first: bool) -> Reading:
        files = {
            "baseline": (pair.baseline, pair.baseline_options),
            "candidate": (pair.candidate, pair.candidate_options),
        }
        for name in reversed(NAMES) if candidate_first else NAMES:
            model, options = files[name]
            sides[name].load(model, pair.case.engine, pair.case.threads, options)
        ratio = statistics.median(self._log_ratios(sides))
        reading = _paired(*(sides[name].read() for name in NAMES))
        p50 = reading[JUDGED]
        return {**reading, JUDGED: Paired(p50.baseline, p50.candidate, ratio)}

    def _log_ratios(self, sides: Mapping[Name, _Side]) -> list[float]:
        """Take rounds for as long as the effort says; return the log ratio of each."""
        effort = self.effort
        taken: list[float] = []
        start = time.perf_counter()
        while time.perf_counter() - start < effort.pair_seconds or len(taken) < effort.rounds:
            medians = {
                name: sides[name].block(effort.block_seconds) for name in self.rng.sample(NAMES, 2)
            }
            taken.append(math.log(medians["candidate"] / medians["baseline"]))
        return taken


def _paired(baseline: Values, candidate: Values) -> Reading:
    """Return what both sides could read."""
    return {
        metric: Paired(before, after, math.log(after / before))
        for metric, before in baseline.items()
        if before and (after := candidate[metric])
    }


class _Stopped(Exception):
    """A process that a file put an end to; the message names the file and the environment."""


class _Side:
    """One of the two processes, which leaving the stack ends."""

    def __init__(
        self, name: Name, environment: Environment, limit_s: float, stack: ExitStack
    ) -> None:
        self._name, self._environment, self._limit_s = name, environment, limit_s
        self._model: Path | None = None
        self._child = stack.enter_context(Child(environment.command))

    def prepare(self, engines: Iterable[str]) -> None:
        """Have it import engines, which both sides do at once."""
        self._child.tell({"order": "begin", "engines": sorted(engines), "limit_s": self._limit_s})

    def wait(self) -> None:
        """Wait until it is prepared."""
        self._answer()

    def load(self, model: Path, engine: str, threads: int, options: Mapping[str, str]) -> None:
        """Load a model, run it first and warm it."""
        self._model = model
        self._ask(
            order="load", model=str(model), engine=engine, threads=threads, options=dict(options)
        )

    def block(self, seconds: float) -> float:
        """Run a block; return its median in seconds."""
        return float(self._ask(order="block", seconds=seconds)["median"])

    def read(self) -> Values:
        """Free the model; return what was read of it."""
        readings: Values = self._ask(order="read")["readings"]
        return readings

    def _ask(self, **order: Any) -> dict[str, Any]:
        self._child.tell(order)
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        try:
            event = self._child.event(self._limit_s)
        except queue.Empty:
            self._stop(f"answered nothing for {self._limit_s:g} s and was ended")
        if event["event"] == "refused":
            self._stop(f"was refused: {event['reason']}")
        if event["event"] == "died":
            self._stop(f"took its process down ({self._child.ending()})")
        return event

    def _stop(self, happened: str) -> NoReturn:
        python = self._environment.python
        if self._model is None:
            raise UsageProblem(
                f"The process that times the {self._name}'s files with {python} {happened} before "
                "it came to any. Check that environment."
            )
        raise _Stopped(f"the {self._name}'s file {self._model}, run with {python}, {happened}")
