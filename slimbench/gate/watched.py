"""Timing that a person can wait for: how much there is, how long it will take, how long still."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn
from rich.text import Text

from slimbench.gate.expected import seconds_left
from slimbench.gate.latency import Measure
from slimbench.gate.processes import Readings, Timed
from slimbench.progress import duration
from slimbench.spec import Advance

Expect = Callable[[Sequence[Timed], int], float]
"""Returns the seconds that it should take to time pairs in so many processes."""


@dataclass(frozen=True, slots=True)
class Watched:
    """Measures with `measure`, and says on standard error what to expect of it."""

    measure: Measure
    expect: Expect
    console: Console = field(default_factory=lambda: Console(stderr=True))

    def __call__(self, pairs: Sequence[Timed], processes: int, advance: Advance) -> list[Readings]:
        """Say what is timed and for about how long, then show how far it is."""
        expected = self.expect(pairs, processes)
        self.console.print(
            self._announcement(pairs, processes, expected), markup=False, soft_wrap=True
        )
        left = _Left(expected)
        # Drawing takes time from what is timed, so it is done no more than twice a second.
        with Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            left,
            console=self.console,
            transient=True,
            refresh_per_second=2,
            disable=not self.console.is_terminal,
        ) as progress:
            task = progress.add_task("timing", total=processes)

            def told(done: float, total: float, note: str = "") -> None:
                left.told(done / total)
                progress.update(task, completed=done, total=total)
                advance(done, total, note)

            return self.measure(pairs, processes, told)

    def _announcement(self, pairs: Sequence[Timed], processes: int, expected: float) -> str:
        judged = [pair for pair in pairs if not pair.control]
        many = f"{len(judged)} pair{'s' if len(judged) != 1 else ''}"
        about = f"in {processes} processes, about {duration(expected)}"
        if len(judged) == len(pairs):
            return f"Timing {many} again that the first look suspected, {about}."
        again = sum(self.expect([pair], 2 * processes) for pair in judged) / max(1, len(judged))
        return f"Timing {many} and a control {about}; a suspect takes {duration(again)} more."


class _Left(ProgressColumn):
    """The time left, counted down between one process's end and the next."""

    max_refresh = 0.5

    def __init__(self, expected: float) -> None:
        super().__init__()
        self._expected, self._share = expected, 0.0
        self._begun = time.monotonic()
        self._at = 0.0

    def told(self, share: float) -> None:
        """Note how much is done by now."""
        self._share, self._at = share, time.monotonic() - self._begun

    def render(self, task: Task) -> Text:  # noqa: ARG002  (rich's own signature)
        now = time.monotonic() - self._begun
        left = seconds_left(self._expected, self._share, self._at, now)
        return Text(f"about {duration(left)} left")
