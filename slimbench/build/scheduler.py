"""Building what is missing: the DAG of steps, run in child processes by toolchain.

The process that asks never imports TensorFlow. It plans, starts children, follows their reports,
and ends them whatever happens. Several run side by side (`slimbench.build.worker_slots`): one
trains and converts with TensorFlow, which leaves part of a core idle, another quantises and
compresses what is ready.
"""

from __future__ import annotations

import functools
import pickle
import queue
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from slimbench.build import recipe, worker_slots
from slimbench.build.store import Artifact, Store
from slimbench.build.worker import Assignment, Job
from slimbench.child_process import Child, Event, python_module
from slimbench.cores import cores
from slimbench.errors import Unavailable
from slimbench.spec import Kind, Step, Toolchain


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


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a build gave: a result for each target, and where its seconds went, by kind."""

    results: Mapping[Step, Result]
    seconds: Mapping[Kind, float]


def build(targets: Iterable[Step], seed: int, store: Store, watcher: Watcher) -> Outcome:
    """Make sure that every target is in the store; returns each one's artifact or failure.

    Targets already there are verified and, where damaged, built again. A failed step fails what
    stands on it and nothing else. A target that needs a package which is not installed is missing.
    """
    if message := store.older_format():
        watcher.said(message)
    wanted: list[Step] = []
    unavailable: dict[Step, Result] = {}
    for step in dict.fromkeys(targets):
        try:
            recipe.key(step, seed)
            wanted.append(step)
        except Unavailable as error:
            unavailable[step] = Failure(str(error), missing=True)
    found = {step: store.find(recipe.key(step, seed), watcher.said) for step in wanted}
    todo = plan([step for step in wanted if found[step] is None], seed, store, watcher.said)
    watcher.planned(todo)
    building = _Building(seed, store, watcher, todo)
    building.run()
    results: dict[Step, Result] = {}
    for step in wanted:
        artifact = found[step] or store.find(recipe.key(step, seed), watcher.said)
        results[step] = artifact or building.failures.get(
            step, Failure("it was built, but is not in the store")
        )
    return Outcome({**results, **unavailable}, building.seconds)


def plan(
    missing: Sequence[Step], seed: int, store: Store, on_damage: Callable[[str], None]
) -> list[Step]:
    """Return the steps to run for these, inputs first, each once; damaged inputs run again."""
    order: dict[Step, None] = {}

    def visit(step: Step) -> None:
        if step in order:
            return
        for each in step.inputs:
            if each not in order and store.find(recipe.key(each, seed), on_damage) is None:
                visit(each)
        order[step] = None

    for step in missing:
        visit(step)
    return list(order)


@dataclass(slots=True)
class _Lane:
    """A child at work: what it was told to do, and which step it is at."""

    child: Child
    log: Path
    steps: dict[str, Step]
    kind: Kind = "import"
    current: Step | None = None


class _Building:
    """One build under way."""

    def __init__(self, seed: int, store: Store, watcher: Watcher, todo: Sequence[Step]) -> None:
        self.failures: dict[Step, Failure] = {}
        self.seconds: dict[Kind, float] = {}
        self._causes: dict[Step, Step] = {}
        """Of each step that was given up, the one that failed."""
        self._seed = seed
        self._store = store
        self._watcher = watcher
        self._waiting = list(todo)
        self._lanes = worker_slots.open_lanes(cores(), worker_slots.free_bytes())
        self._busy: dict[int, _Lane] = {}
        self._events: queue.SimpleQueue[tuple[int, Event]] = queue.SimpleQueue()
        self._booked_until = time.perf_counter()

    def run(self) -> None:
        """Keep the lanes busy until nothing is left that can be built."""
        try:
            while self._start() or self._busy:
                number, event = self._events.get()
                self._book()
                self._handle(number, self._busy[number], event)
        finally:
            for lane in self._busy.values():
                lane.child.end()

    def _start(self) -> bool:
        """Give each idle lane what is ready for it; tells whether there was any."""
        started = False
        for number in self._lanes:
            batch = [] if number in self._busy else self._batch(number)
            if batch:
                self._waiting = [step for step in self._waiting if step not in batch]
                toolchain = batch[0].toolchain
                log = self._store.log_file(f"{number}-{toolchain}")
                jobs = tuple(self._job(step) for step in batch)
                assignment = Assignment(self._store.root, toolchain, jobs, self._seed, log)
                child = _start_worker(assignment, functools.partial(self._report, number))
                self._busy[number] = _Lane(child, log, {job.key: job.step for job in jobs})
                started = True
        return started

    def _batch(self, number: int) -> list[Step]:
        """Return what an idle lane is to do."""
        ready = self._ready(worker_slots.LANES[number])
        if number == worker_slots.SPARE:
            return worker_slots.free_of_training(ready)
        if number == worker_slots.MAIN and worker_slots.SPARE in self._lanes:
            if trainings := worker_slots.trainings(ready):
                return trainings
            if worker_slots.SPARE not in self._busy:
                return worker_slots.shared_out(ready)[0]
        return ready

    def _ready(self, toolchains: Collection[Toolchain]) -> list[Step]:
        """Return waiting steps of one toolchain that need only each other and what is there."""
        unmade = {
            *self._waiting,
            *(step for lane in self._busy.values() for step in lane.steps.values()),
        }
        batch: list[Step] = []
        for step in self._waiting:
            fits = step.toolchain in toolchains
            same = not batch or step.toolchain == batch[0].toolchain
            if fits and same and unmade.isdisjoint({*step.inputs} - {*batch}):
                batch.append(step)
        return batch

    def _handle(self, number: int, lane: _Lane, event: Event) -> None:
        step = lane.steps.get(event.get("key", ""))
        match event["event"]:
            case "imported":
                lane.kind = "other"
            case "start" if step:
                lane.current, lane.kind = step, step.kind
                self._watcher.started(step)
            case "advance" if lane.current:
                self._watcher.advanced(lane.current, event["done"], event["total"], event["note"])
            case "notice":
                self._watcher.said(event["message"])
            case "done" if step:
                self._settle(lane, event["key"])
                self._watcher.finished(step, event["seconds"], None)
            case "unavailable" if step:
                self._settle(lane, event["key"])
                self._fail(step, Failure(event["reason"], missing=True))
            case "failed" if step:
                self._settle(lane, event["key"])
                self._fail(step, Failure(f"{event['reason']} (log: {lane.log})"))
            case "end" | "died" as how:
                lane.child.end()
                del self._busy[number]
                self._waiting = [*lane.steps.values(), *self._waiting]
                if how == "died":
                    guilty = [lane.current] if lane.current else list(lane.steps.values())
                    for each in guilty:
                        self._fail(each, Failure(f"its process died (log: {lane.log})"))
                self._drop_hopeless()

    def _report(self, number: int, event: Event) -> None:
        self._events.put((number, event))

    def _settle(self, lane: _Lane, key: str) -> None:
        del lane.steps[key]
        lane.current, lane.kind = None, "other"

    def _fail(self, step: Step, failure: Failure) -> None:
        self.failures[step] = failure
        how = "missing" if failure.missing else "FAILED"
        self._watcher.finished(step, 0.0, f"{how}, {failure.reason}")
        self._drop_hopeless()

    def _drop_hopeless(self) -> None:
        """Take failed steps, and what stands on them, from what is waiting."""
        left = []
        for step in self._waiting:
            failed = [each for each in step.inputs if each in self.failures]
            if failed and step not in self.failures:
                cause = self._causes.get(failed[0], failed[0])
                self._causes[step] = cause
                self.failures[step] = _because_of(cause, self.failures[cause])
            if step not in self.failures:
                left.append(step)
        self._waiting = left

    def _job(self, step: Step) -> Job:
        inputs = tuple(recipe.key(each, self._seed) for each in step.inputs)
        return Job(step, recipe.key(step, self._seed), inputs)

    def _book(self) -> None:
        """Book the time since the last event on what the first busy lane was doing."""
        now = time.perf_counter()
        kinds = [self._busy[number].kind for number in sorted(self._busy)]
        kind: Kind = next((kind for kind in kinds if kind != "other"), "other")
        self.seconds[kind] = self.seconds.get(kind, 0.0) + now - self._booked_until
        self._booked_until = now


def _start_worker(assignment: Assignment, report: Callable[[Event], None]) -> Child:
    """Start a `slimbench.build.worker` with its assignment; its chatter goes to the log."""
    child = Child(python_module("slimbench.build.worker"), report, assignment.log)
    job = pickle.dumps(assignment)
    child.send(len(job).to_bytes(8, "big") + job)
    return child


def _because_of(cause: Step, failure: Failure) -> Failure:
    """Say of a step why it was given up; what is missing says itself what it is."""
    if failure.missing:
        return failure
    return Failure(f"{cause.title()}: {failure.reason}")
