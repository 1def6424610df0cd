"""A watcher that keeps what it is told, and small questions about a store."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from slimbench.build import recipe
from slimbench.build.scheduler import Outcome, build
from slimbench.build.store import Artifact, Store
from slimbench.spec import Step
from tests.build.sample_steps import NOTE_FILE

SEED = 7


@dataclass
class Recorder:
    plan: list[Step] = field(default_factory=list)
    begun: list[Step] = field(default_factory=list)
    progress: list[tuple[Step, float, float, str]] = field(default_factory=list)
    ended: dict[Step, str | None] = field(default_factory=dict)
    messages: list[str] = field(default_factory=list)

    def planned(self, steps: Sequence[Step]) -> None:
        self.plan = list(steps)

    def started(self, step: Step) -> None:
        self.begun.append(step)

    def advanced(self, step: Step, done: float, total: float, note: str) -> None:
        self.progress.append((step, done, total, note))

    def finished(self, step: Step, seconds: float, problem: str | None) -> None:
        assert seconds >= 0
        self.ended[step] = problem

    def said(self, message: str) -> None:
        self.messages.append(message)


def made(store: Store, *targets: Step, seed: int = SEED) -> tuple[Outcome, Recorder]:
    """Build, and return what came of it with what the watcher was told."""
    watcher = Recorder()
    return build(targets, seed, store, watcher), watcher


def note(outcome: Outcome, step: Step) -> str:
    """Return the text that a sample step wrote."""
    artifact = outcome.results[step]
    assert isinstance(artifact, Artifact), artifact
    return artifact.file(NOTE_FILE).read_text(encoding="utf-8")


def runs(diary: str) -> list[str]:
    """Return the names of the sample steps that ran, in order."""
    return [line.split()[0] for line in lines(diary)]


def lines(diary: str) -> list[str]:
    path = Path(diary)
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def key(step: Step, seed: int = SEED) -> str:
    return recipe.key(step, seed)


def wait_until(condition: Callable[[], object], what: str, seconds: float = 30.0) -> None:
    """Wait for something that another process does."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds} s in vain: {what}"
        time.sleep(0.01)
