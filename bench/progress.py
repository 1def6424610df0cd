"""What a person sees while something takes long: what, how far, how long still.

A live display on a terminal; in a log file or CI, one line when a step starts and ends and every
ten seconds between.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

from bench.spec import Step

QUIET_SECONDS = 10.0

PRIOR_SECONDS = 60.0
"""How many seconds at the expected pace the estimate starts from, so that the first is not wild."""


class BuildProgress:
    """Shows a build, as a `bench.steps.build.Watcher`."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._planned: list[Step] = []
        self._done: list[Step] = []
        self._begun = self._last_line = time.monotonic()
        self._share = 0.0
        self._live = Progress(
            SpinnerColumn(),
            MofNCompleteColumn(),
            BarColumn(),
            TextColumn("{task.description}"),
            console=console,
            transient=True,
        )
        self._task = self._live.add_task("", total=1)

    def __enter__(self) -> Self:
        self._begun = self._last_line = time.monotonic()
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._console.is_terminal:
            self._live.stop()

    def planned(self, steps: Sequence[Step]) -> None:
        """Say how much there is to build, if anything."""
        self._planned = list(steps)
        self._live.update(self._task, total=len(steps))
        if steps:
            expected = sum(step.cost() for step in steps)
            self._line(f"Building {len(steps)} steps, about {duration(expected)}.")

    def started(self, step: Step) -> None:
        """Name the step that begins."""
        self._share = 0.0
        self._show(step, "")
        if not self._console.is_terminal:
            self._line(f"{self._position()} {step.title()} ...")

    def advanced(self, step: Step, done: float, total: float, note: str) -> None:
        """Show how far the step is and how long everything will still take."""
        self._share = min(1.0, done / total) if total else 0.0
        self._show(step, note)
        quiet = time.monotonic() - self._last_line
        if not self._console.is_terminal and quiet >= QUIET_SECONDS:
            self._line(f"{self._position()} {step.title()}, {note}{self._left(step)}")

    def finished(self, step: Step, seconds: float, problem: str | None) -> None:
        """Leave a line for the step behind."""
        position = self._position()
        self._done.append(step)
        self._share = 0.0
        self._live.update(self._task, completed=len(self._done))
        if problem:
            self._line(f"{position} {step.title()}: FAILED, {problem}")
        else:
            self._line(f"{position} {step.title()}, {duration(seconds)}{self._left(None)}")

    def said(self, message: str) -> None:
        """Pass on a message."""
        self._line(message)

    def _show(self, step: Step, note: str) -> None:
        text = f"{step.title()}{', ' + note if note else ''}{self._left(step)}"
        self._live.update(self._task, description=text)

    def _position(self) -> str:
        number = min(len(self._done) + 1, len(self._planned))
        return f"[{number}/{len(self._planned)}]"

    def _left(self, current: Step | None) -> str:
        """Scale the steps' expected seconds by how fast this machine has been so far."""
        behind = sum(step.cost() for step in self._done)
        behind += self._share * current.cost() if current else 0.0
        ahead = sum(step.cost() for step in self._planned) - behind
        if behind <= 0 or ahead <= 0:
            return ""
        elapsed = time.monotonic() - self._begun
        pace = (elapsed + PRIOR_SECONDS) / (behind + PRIOR_SECONDS)
        return f", about {duration(pace * ahead)} left"

    def _line(self, text: str) -> None:
        self._last_line = time.monotonic()
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)


def duration(seconds: float) -> str:
    """Return seconds as a person says them: `0.4 s`, `12 s`, `3 min 20 s`."""
    if seconds < 1:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    return f"{whole // 60} min {whole % 60} s"
