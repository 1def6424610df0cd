"""What a person sees while something takes long: what, how far, how long still.

A live display on a terminal; in a log file or CI, one line when a step ends and one every ten
seconds between.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

from slimbench.spec import Step

QUIET_SECONDS = 10.0

PRIOR_SECONDS = 60.0
"""How many seconds at the expected pace the estimate starts from, so that the first is not wild."""


class BuildProgress:
    """Shows a build, as a `slimbench.build.scheduler.Watcher`.

    Two steps may be under way at once.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._planned: list[Step] = []
        self._done: list[Step] = []
        self._under_way: dict[Step, tuple[float, str]] = {}
        self._begun = self._last_line = time.monotonic()
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
        self._planned, self._done = list(steps), []
        self._begun = time.monotonic()
        self._live.update(self._task, total=len(steps), completed=0)
        if steps:
            expected = sum(step.cost() for step in steps)
            number = f"{len(steps)} step{'s' if len(steps) > 1 else ''}"
            self._line(f"Building {number}, about {duration(expected)}.")

    def started(self, step: Step) -> None:
        """Name the step that begins."""
        self._under_way[step] = (0.0, "")
        self._show()

    def advanced(self, step: Step, done: float, total: float, note: str) -> None:
        """Show how far the step is and how long everything will still take."""
        self._under_way[step] = (min(1.0, done / total) if total else 0.0, note)
        self._show()
        quiet = time.monotonic() - self._last_line
        if not self._console.is_terminal and quiet >= QUIET_SECONDS:
            self._line(f"{' ' * len(self._position())} {self._current()}{self._left()}")

    def finished(self, step: Step, seconds: float, problem: str | None) -> None:
        """Leave a line for the step behind."""
        self._under_way.pop(step, None)
        self._done.append(step)
        self._live.update(self._task, completed=len(self._done))
        self._show()
        outcome = problem or f"{duration(seconds)}{self._left()}"
        self._line(f"{self._position()} {step.title()}: {outcome}")

    def said(self, message: str) -> None:
        """Pass on a message."""
        self._line(message)

    def _show(self) -> None:
        self._live.update(self._task, description=f"{self._current()}{self._left()}")

    def _current(self) -> str:
        """Name what is under way, each with how far it is."""
        if not self._under_way:
            return "starting the next"
        return "; ".join(
            f"{step.title()}{', ' + note if note else f', {share:.0%}' if share else ''}"
            for step, (share, note) in self._under_way.items()
        )

    def _position(self) -> str:
        width = len(str(len(self._planned)))
        return f"[{len(self._done):{width}}/{len(self._planned)}]"

    def _left(self) -> str:
        """Scale the steps' expected seconds by how fast this machine has been so far."""
        behind = sum(step.cost() for step in self._done)
        behind += sum(share * step.cost() for step, (share, _) in self._under_way.items())
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
