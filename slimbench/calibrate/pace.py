"""How far a calibration is and how long it will take: said before it begins and as it goes on."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from slimbench.calibrate.design import Batch
from slimbench.calibrate.record import Found
from slimbench.progress import duration

SECONDS_PER_LOOK = 0.4
"""One comparison in one process: both files loaded, warmed and timed."""

SECONDS_UNPAIRED = 1.4
"""One model in pytest-benchmark with its defaults."""


def expected_seconds(batch: Batch, processes: int = 12) -> float:
    """Return about how long a batch takes; one that is slowed by over 3 % is looked at twice."""
    suspects = sum(trial.slowdown > 3 for trial in batch.trials)
    looks = processes * (len(batch.trials) + 1) + 2 * processes * suspects
    return looks * SECONDS_PER_LOOK + (len(batch.trials) + 3) * SECONDS_UNPAIRED


class Pace:
    """Shows a calibration under way: a bar on a terminal, a line a batch everywhere."""

    def __init__(self, console: Console, todo: Sequence[Batch], done: int, whole: int) -> None:
        self._console = console
        self._ahead = {batch.number: expected_seconds(batch) for batch in todo}
        self._behind = 0.0
        self._number, self._whole = done, whole
        self._begun = time.monotonic()
        self._live = Progress(
            BarColumn(), TextColumn("{task.description}"), console=console, transient=True
        )
        self._task = self._live.add_task("starting", total=None)
        expected = duration(sum(self._ahead.values()))
        self._say(
            f"{len(todo)} of {whole} batches to take, about {expected}. Leave the machine alone "
            "meanwhile; Ctrl-C ends it, and the same command goes on."
        )

    def __enter__(self) -> Self:
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

    def advance(self, done: float, total: float, note: str = "") -> None:
        """Show how far this batch's look is."""
        text = f"batch {self._number + 1} of {self._whole}{self._left()}"
        self._live.update(self._task, completed=done, total=total, description=note or text)

    def finished(self, batch: Batch, found: Sequence[Found]) -> None:
        """Leave a line behind: what was said of this batch's comparisons."""
        self._behind += self._ahead.pop(batch.number)
        self._number += 1
        said = Counter(each.verdict for each in found)
        verdicts = ", ".join(f"{count} {verdict}" for verdict, count in said.most_common())
        others = f"others used {found[0].others:.1f} cores"
        self._say(f"[{self._number:2}/{self._whole}] {verdicts}; {others}{self._left()}")

    def _left(self) -> str:
        ahead = sum(self._ahead.values())
        if not self._behind or not ahead:
            return ""
        pace = (time.monotonic() - self._begun) / self._behind
        return f", about {duration(pace * ahead)} left"

    def _say(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)
