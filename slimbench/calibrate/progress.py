"""Progress of a calibration: how far it is, and an estimate of how long it will take."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence

from rich.console import Console
from rich.progress import BarColumn, TextColumn

from slimbench.calibrate.design import Batch
from slimbench.calibrate.record import Comparison
from slimbench.progress import Display, duration, left_in_words

SECONDS_PER_PROCESS = 0.4
"""One comparison in one process: both models loaded, warmed up and timed."""

SECONDS_UNPAIRED = 1.4
"""One model in pytest-benchmark with its defaults."""


def expected_seconds(batch: Batch, processes: int = 12) -> float:
    """Return about how long a batch takes; one that is slowed by over 3 % has a second stage."""
    suspects = sum(trial.slowdown > 3 for trial in batch.trials)
    runs = processes * (len(batch.trials) + 1) + 2 * processes * suspects
    return runs * SECONDS_PER_PROCESS + (len(batch.trials) + 3) * SECONDS_UNPAIRED


class CalibrationProgress(Display):
    """Shows a calibration under way: a bar on a terminal, a line for each batch everywhere."""

    def __init__(self, console: Console, todo: Sequence[Batch], done: int, total: int) -> None:
        super().__init__(console, BarColumn(), TextColumn("{task.description}"), per_second=2)
        self._expected = {batch.number: expected_seconds(batch) for batch in todo}
        self._expected_behind = 0.0
        self._done, self._total = done, total
        self._started = time.monotonic()
        self.show("starting")
        self.line(
            f"{len(todo)} of {total} batches to take, about "
            f"{duration(sum(self._expected.values()))}. Leave the machine alone meanwhile; Ctrl-C "
            "ends it, and the same command goes on."
        )

    def advance(self, done: float, total: float, note: str = "") -> None:
        """Show how far the current batch is."""
        text = f"batch {self._done + 1} of {self._total}{self._left()}"
        self.show(note or text, done, total)

    def finished(self, batch: Batch, comparisons: Sequence[Comparison]) -> None:
        """Print a line with the verdicts on a batch's comparisons."""
        self._expected_behind += self._expected[batch.number]
        self._done += 1
        counts = Counter(comparison.verdict for comparison in comparisons)
        verdicts = ", ".join(f"{count} {verdict}" for verdict, count in counts.most_common())
        others = f"others used {comparisons[0].others:.1f} cores"
        self.line(f"[{self._done:2}/{self._total}] {verdicts}; {others}{self._left()}")

    def _left(self) -> str:
        expected = sum(self._expected.values())
        elapsed = time.monotonic() - self._started
        return left_in_words(expected, self._expected_behind, elapsed, prior=0.0)
