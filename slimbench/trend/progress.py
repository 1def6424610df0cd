"""What a person sees while histories are indexed: how many, how far, how long still."""

from __future__ import annotations

import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from rich.progress import Progress

QUIET_SECONDS = 10.0
"""Between two lines in a log, where no bar can be drawn."""

FEW = 20
"""Histories that are read so soon that nothing needs to be shown."""


class IndexProgress:
    """A bar on a terminal, lines in a log, on standard error; it is a `slimbench.spec.Advance`.

    Mostly there is nothing to show, and then nothing is loaded that could show it.
    """

    def __init__(self) -> None:
        self._bar: Progress | None = None
        self._last_line = float("-inf")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None and self._bar.console.is_terminal:
            self._bar.stop()

    def __call__(self, done: float, total: float, note: str = "") -> None:
        """Show that `done` of `total` are behind."""
        if self._bar is None:
            if total < FEW:
                return
            self._bar = _bar()
        if self._bar.console.is_terminal:
            (task,) = self._bar.task_ids
            self._bar.update(task, completed=done, total=total, description=note)
        elif time.monotonic() - self._last_line >= QUIET_SECONDS:
            self._last_line = time.monotonic()
            self._bar.console.print(f"{note}: {done:,.0f} of {total:,.0f}", highlight=False)


def _bar() -> Progress:
    """Return a bar, which moves if there is a terminal."""
    from rich import progress  # noqa: PLC0415
    from rich.console import Console  # noqa: PLC0415

    console = Console(stderr=True)
    bar = progress.Progress(
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.MofNCompleteColumn(),
        progress.TimeRemainingColumn(),
        console=console,
        transient=True,
    )
    bar.add_task("", total=None)
    if console.is_terminal:
        bar.start()
    return bar
