"""Building what is missing: the DAG of steps, run in child processes by toolchain.

The process that asks never imports TensorFlow. It plans, starts one child for each toolchain in
turn, follows its reports, and ends it whatever happens.
"""

from __future__ import annotations

import contextlib
import json
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from bench.places import CHECKOUT
from bench.spec import Kind, Step, Toolchain
from bench.steps import identity
from bench.steps.child import Assignment, Job
from bench.steps.store import Artifact, Store


class Watcher(Protocol):
    """Who is told how a build goes."""

    def planned(self, steps: Sequence[Step]) -> None:
        """Tell which steps will run."""
        ...

    def started(self, step: Step) -> None:
        """Tell that a step begins."""
        ...

    def advanced(self, step: Step, done: float, total: float, note: str) -> None:
        """Tell how far a step is."""
        ...

    def finished(self, step: Step, seconds: float, problem: str | None) -> None:
        """Tell that a step ended, well or with a problem."""
        ...

    def said(self, message: str) -> None:
        """Pass on something a person should know."""
        ...


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a step has no result: `missing` where something it needs cannot be had here."""

    reason: str
    missing: bool = False


Result = Artifact | Failure


@dataclass(slots=True)
class Outcome:
    """What a build gave: a result for each target, and the seconds it took by kind."""

    results: dict[Step, Result] = field(default_factory=dict)
    seconds: dict[Kind, float] = field(default_factory=dict)

    def spend(self, kind: Kind, seconds: float) -> None:
        """Book time."""
        self.seconds[kind] = self.seconds.get(kind, 0.0) + seconds


def build(targets: Iterable[Step], seed: int, store: Store, watcher: Watcher) -> Outcome:
    """Make sure that every target is in the store; returns each one's artifact or failure.

    Targets already there are verified and, where damaged, built again. A failed step fails what
    stands on it and nothing else.
    """
    wanted = list(dict.fromkeys(targets))
    found = {step: store.find(identity.key(step, seed), watcher.said) for step in wanted}
    todo = plan([step for step in wanted if found[step] is None], seed, store, watcher.said)
    watcher.planned(todo)
    building = _Building(seed, store, watcher)
    while todo:
        toolchain, batch = _next_batch(todo)
        building.run(toolchain, batch)
        todo = [step for step in todo if step not in batch]
    for step in wanted:
        artifact = found[step] or store.find(identity.key(step, seed), watcher.said)
        building.outcome.results[step] = artifact or building.failures.get(
            step, Failure("it was built, but is not in the store")
        )
    return building.outcome


def plan(
    missing: Sequence[Step], seed: int, store: Store, on_damage: Callable[[str], None]
) -> list[Step]:
    """Return the steps to run for these, inputs first, each once; damaged inputs run again."""
    order: dict[Step, None] = {}

    def visit(step: Step) -> None:
        if step in order:
            return
        for each in identity.inputs(step):
            if each not in order and store.find(identity.key(each, seed), on_damage) is None:
                visit(each)
        order[step] = None

    for step in missing:
        visit(step)
    return list(order)


def _next_batch(todo: Sequence[Step]) -> tuple[Toolchain, list[Step]]:
    """Return the steps of one toolchain that need nothing of another still to be run."""
    toolchain = todo[0].toolchain
    batch: list[Step] = []
    for step in todo:
        waiting = any(each in todo and each not in batch for each in identity.inputs(step))
        if step.toolchain == toolchain and not waiting:
            batch.append(step)
    return toolchain, batch


@dataclass(slots=True)
class _Building:
    """One build under way: what came of it so far."""

    seed: int
    store: Store
    watcher: Watcher
    outcome: Outcome = field(default_factory=Outcome)
    failures: dict[Step, Failure] = field(default_factory=dict)

    def run(self, toolchain: Toolchain, batch: Sequence[Step]) -> None:
        """Run a batch in one child; where a step kills it, go on with the rest in another."""
        left = list(batch)
        while left := self._runnable(left):
            log = self.store.log_file(toolchain)
            jobs = tuple(self._job(step) for step in left)
            died_in = self._follow(Assignment(self.store.root, toolchain, jobs, self.seed, log))
            left = [step for step in left if not self._settled(step)]
            if died_in is not None and died_in in left:
                self._fail(died_in, Failure(f"the process that built it died (log: {log})"))

    def _follow(self, assignment: Assignment) -> Step | None:
        """Run one child; returns the step in which it died, if it did."""
        by_key = {job.key: job.step for job in assignment.jobs}
        current: Step | None = None
        with _child(assignment) as events:
            for event in events:
                step = by_key.get(event.get("key", ""))
                match event["event"]:
                    case "imported":
                        self.outcome.spend("import", event["seconds"])
                    case "start" if step:
                        current = step
                        self.watcher.started(step)
                    case "advance" if current:
                        self.watcher.advanced(current, event["done"], event["total"], event["note"])
                    case "done" if step:
                        self.outcome.spend(step.kind, event["seconds"])
                        self.watcher.finished(step, event["seconds"], None)
                    case "unavailable" if step:
                        self._fail(step, Failure(event["reason"], missing=True))
                    case "failed" if step:
                        self._fail(step, Failure(f"{event['reason']} (log: {assignment.log})"))
                    case "end":
                        return None
        return current or assignment.jobs[0].step

    def _job(self, step: Step) -> Job:
        inputs = tuple(identity.key(each, self.seed) for each in identity.inputs(step))
        return Job(step, identity.key(step, self.seed), inputs)

    def _runnable(self, steps: Sequence[Step]) -> list[Step]:
        """Return the steps none of whose inputs failed; the others fail with their cause."""
        for step in steps:
            for each in identity.inputs(step):
                if each in self.failures and step not in self.failures:
                    cause = self.failures[each]
                    self.failures[step] = Failure(f"{each.title()}: {cause.reason}", cause.missing)
        return [step for step in steps if step not in self.failures]

    def _settled(self, step: Step) -> bool:
        return step in self.failures or self.store.has(identity.key(step, self.seed))

    def _fail(self, step: Step, failure: Failure) -> None:
        self.failures[step] = failure
        self.watcher.finished(step, 0.0, failure.reason)


@contextlib.contextmanager
def _child(assignment: Assignment) -> Iterator[Iterator[dict[str, Any]]]:
    """Start a child and give its events; it is gone when the block is left, however that is."""
    job = pickle.dumps(assignment)
    with assignment.log.open("ab") as log:
        child = subprocess.Popen(
            [sys.executable, "-m", "bench.steps.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            cwd=CHECKOUT,
            start_new_session=True,
        )
    stdin, stdout = child.stdin, child.stdout
    if stdin is None or stdout is None:
        raise RuntimeError("The child was started without its pipes.")
    try:
        stdin.write(len(job).to_bytes(8, "big") + job)
        stdin.flush()
        yield (json.loads(line) for line in stdout)
    finally:
        child.kill()
        child.wait()
        stdout.close()
        with contextlib.suppress(OSError):
            stdin.close()
