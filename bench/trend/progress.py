"""What a person sees while histories are indexed: how many, how far, how long still."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

QUIET_SECONDS = 10.0
"""Between two lines in a log, where no bar can be drawn."""

FEW = 20
"""Histories that are read so soon that nothing needs to be shown."""


class IndexProgress:
    """A bar on a terminal, lines in a log; it is a `bench.spec.Advance`."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
        )
        self._task = self._bar.add_task("", total=None, visible=False)
        self._last_line = float("-inf")
        self._is_shown = False

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._console.is_terminal:
            self._bar.stop()

    def __call__(self, done: float, total: float, note: str = "") -> None:
        """Show that `done` of `total` are behind."""
        if total < FEW and not self._is_shown:
            return
        self._is_shown = True
        if self._console.is_terminal:
            self._bar.update(
                self._task, completed=done, total=total, description=note, visible=True
            )
        elif time.monotonic() - self._last_line >= QUIET_SECONDS:
            self._last_line = time.monotonic()
            self._console.print(f"{note}: {done:,.0f} of {total:,.0f}", highlight=False)
