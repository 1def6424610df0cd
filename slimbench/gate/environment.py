"""Where files are timed: a worker process, in this environment or in one with another runtime.

Another environment holds the runtime and numpy; the code that times comes from this checkout, for
both sides the same. Nothing of it is believed before it was tried.
"""

from __future__ import annotations

import json
import os
import queue
import sys
from collections.abc import Collection, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from slimbench.child_process import Child, Event, python_module
from slimbench.errors import UsageProblem

PYTHONS = ("bin/python", "bin/python3", "Scripts/python.exe", "python.exe")
"""Where an environment has its Python, in its folder."""

START = Path(__file__).with_name("entry_point.py")
WORKER = "slimbench.gate.worker"


@dataclass(frozen=True, slots=True)
class Environment:
    """A Python that has a runtime; `versions` are by distribution.

    An `isolated` one imports its own packages and slimbench, whatever PYTHONPATH says.
    """

    python: Path
    versions: Mapping[str, str] = field(default_factory=dict)
    isolated: bool = True

    @property
    def command(self) -> tuple[str, ...]:
        """What starts a worker in it."""
        if self.isolated:
            return (str(self.python), "-I", str(START), WORKER)
        return tuple(python_module(WORKER))


HERE = Environment(Path(sys.executable), isolated=False)
"""This environment."""


class WorkerStopped(Exception):
    """A worker that cannot go on; the message says what it did: `was refused: no such operator`.

    `reason` says why, without what it did; None where it answered nothing.
    """

    def __init__(self, happened: str, reason: str | None) -> None:
        super().__init__(happened)
        self.reason = reason


class Worker:
    """The parent's end of a `slimbench.gate.worker` in an environment, which `close` ends."""

    def __init__(self, environment: Environment, limit_s: float) -> None:
        """Start it; raises OSError where its Python cannot be run."""
        self._limit_s = limit_s
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._child = Child(environment.command, self._events.put)

    def close(self) -> None:
        """End its process."""
        self._child.end()

    def begin(self, engines: Collection[str], distributions: Collection[str] = ()) -> None:
        """Have it import engines; its answer has the versions of the distributions."""
        self.send(
            "begin",
            engines=sorted(engines),
            distributions=sorted(distributions),
            limit_s=self._limit_s,
        )

    def send(self, order: str, **details: Any) -> None:
        """Give an order."""
        self._child.send(json.dumps({"order": order, **details}).encode() + b"\n")

    def answer(self) -> Event:
        """Wait for what an order leads to; raises WorkerStopped."""
        try:
            event = self._events.get(timeout=self._limit_s)
        except queue.Empty:
            silent = f"answered nothing for {self._limit_s:g} s"
            raise WorkerStopped(f"{silent} and was ended", None) from None
        if event["event"] == "refused":
            raise WorkerStopped(f"was refused: {event['reason']}", event["reason"])
        if event["event"] == "died":
            ending = self._child.ending()
            raise WorkerStopped(f"took its process down ({ending})", ending)
        return event

    def ask(self, order: str, **details: Any) -> Event:
        """Give an order and wait for its answer; raises WorkerStopped."""
        self.send(order, **details)
        return self.answer()


def find(where: Path, engines: Mapping[str, str], limit_s: float) -> Environment:
    """Return the environment that a folder or a Python stands for, tried out.

    Args:
        where: the folder of a virtual environment, or its Python.
        engines: those that it has to run, each with the distribution it depends on.
        limit_s: how long it may take to import them.

    Raises:
        UsageProblem: There is none, its Python does not run, or it cannot import an engine.
    """
    python = _python(where)
    needed = " and ".join(sorted(set(engines.values())))
    mend = f"Name an environment that holds {needed} and numpy, or its Python."
    try:
        worker = Worker(Environment(python), limit_s)
    except OSError as error:
        raise UsageProblem(f"{python} cannot be run: {error.strerror}. {mend}") from error
    with closing(worker):
        worker.begin(engines.keys(), set(engines.values()))
        try:
            return Environment(python, worker.answer()["versions"])
        except WorkerStopped as stopped:
            if stopped.reason is None:
                raise UsageProblem(f"{python} answered nothing for {limit_s:g} s. {mend}") from None
            raise UsageProblem(
                f"{python} cannot time the baseline: {stopped.reason}. {mend}"
            ) from None


def _python(where: Path) -> Path:
    """Return the Python itself: a link to it is what makes it that of its environment."""
    where = where.absolute()
    if where.is_dir():
        python = next((where / name for name in PYTHONS if (where / name).is_file()), None)
        if python is None:
            raise UsageProblem(
                f"{where} is no virtual environment: it has no {PYTHONS[0]}. Make one with "
                f"python -m venv {where}."
            )
        where = python
    if not where.is_file():
        raise UsageProblem(f"There is no environment {where}. Name its folder, or its Python.")
    if not os.access(where, os.X_OK):
        raise UsageProblem(f"{where} cannot be run. Name an environment's folder, or its Python.")
    return where
