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
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    TextColumn,
)

from slimbench.spec import Step

QUIET_SECONDS = 10.0

PRIOR_SECONDS = 10.0
"""How many seconds at the expected pace an estimate starts from, so that the first is not wild."""

BUILD_PRIOR_SECONDS = 60.0
"""The same for a build, whose first steps are short and tell little of the long ones."""


class Display:
    """A bar while something is under way, gone at its end, and lines that stay.

    The bar is drawn on a terminal alone, `per_second` times a second; a log gets the lines.
    """

    def __init__(
        self, console: Console, *columns: str | ProgressColumn, per_second: float = 10
    ) -> None:
        self.console = console
        self._bar = Progress(
            *columns,
            console=console,
            transient=True,
            refresh_per_second=per_second,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("", total=None)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def show(self, text: str, done: float | None = None, total: float | None = None) -> None:
        """Write beside the bar, and move it where it is said how far."""
        self._bar.update(self._task, description=text, completed=done, total=total)

    def line(self, text: str) -> None:
        """Leave a line behind."""
        self.console.print(text, markup=False, highlight=False, soft_wrap=True)


class BuildProgress(Display):
    """Shows a build, as a `slimbench.build.scheduler.Watcher`.

    Two steps may be under way at once.
    """

    def __init__(self, console: Console) -> None:
        columns = (MofNCompleteColumn(), BarColumn(), TextColumn("{task.description}"))
        super().__init__(console, SpinnerColumn(), *columns)
        self._planned: list[Step] = []
        self._done: list[Step] = []
        self._under_way: dict[Step, tuple[float, str]] = {}
        self._begun = self._last_line = time.monotonic()

    def __enter__(self) -> Self:
        self._begun = self._last_line = time.monotonic()
        return super().__enter__()

    def planned(self, steps: Sequence[Step]) -> None:
        """Say how much there is to build, if anything."""
        self._planned, self._done = list(steps), []
        self._begun = time.monotonic()
        self.show("", 0, len(steps))
        if steps:
            expected = sum(step.cost() for step in steps)
            number = f"{len(steps)} step{'s' if len(steps) > 1 else ''}"
            self.line(f"Building {number}, about {duration(expected)}.")

    def started(self, step: Step) -> None:
        """Name the step that begins."""
        self._under_way[step] = (0.0, "")
        self._update()

    def advanced(self, step: Step, done: float, total: float, note: str) -> None:
        """Show how far the step is and how long everything will still take."""
        self._under_way[step] = (min(1.0, done / total) if total else 0.0, note)
        self._update()
        quiet = time.monotonic() - self._last_line
        if not self.console.is_terminal and quiet >= QUIET_SECONDS:
            self.line(f"{' ' * len(self._position())} {self._current()}{self._left()}")

    def finished(self, step: Step, seconds: float, problem: str | None) -> None:
        """Leave a line for the step behind."""
        self._under_way.pop(step, None)
        self._done.append(step)
        self._update()
        outcome = problem or f"{duration(seconds)}{self._left()}"
        self.line(f"{self._position()} {step.title()}: {outcome}")

    def said(self, message: str) -> None:
        """Pass on a message."""
        self.line(message)

    def line(self, text: str) -> None:
        """Leave a line behind; the next sign of life is due a while later."""
        self._last_line = time.monotonic()
        super().line(text)

    def _update(self) -> None:
        self.show(f"{self._current()}{self._left()}", len(self._done))

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
        expected = sum(step.cost() for step in self._planned)
        elapsed = time.monotonic() - self._begun
        return left_in_words(expected, behind, elapsed, BUILD_PRIOR_SECONDS)


def left_in_words(expected: float, behind: float, elapsed: float, prior: float) -> str:
    """Return `, about 3 min 20 s left`; nothing where nothing is behind, or everything.

    Args:
        expected: seconds that were expected of everything, ...
        behind: ... and of what is done by now;
        elapsed: seconds that have passed;
        prior: seconds at the expected pace that the estimate starts from.
    """
    if not 0 < behind < expected:
        return ""
    left = seconds_left(expected, behind / expected, elapsed, elapsed, prior)
    return f", about {duration(left)} left"


def seconds_left(
    expected: float, share: float, at: float, now: float, prior: float = PRIOR_SECONDS
) -> float:
    """Return how long the rest takes at the pace so far, never below 0.

    Args:
        expected: seconds that were expected of everything.
        share: how much of it was done, in [0, 1], ...
        at: ... when so many seconds had passed;
        now: how many have passed by now.
        prior: seconds at the expected pace that the estimate starts from.
    """
    pace = (at + prior) / (share * expected + prior)
    return max(0.0, pace * expected * (1 - share) - (now - at))


def duration(seconds: float) -> str:
    """Return seconds as a person says them: `0.4 s`, `12 s`, `3 min 20 s`."""
    if seconds < 1:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    return f"{whole // 60} min {whole % 60} s"
