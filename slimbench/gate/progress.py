"""Progress of the timing: how long it is expected to take, by stored times, and how far it is.

The stored times judge nothing.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from rich.console import Console
from rich.progress import BarColumn, ProgressColumn, Task, TextColumn
from rich.text import Text

from slimbench.gate.latency import Measure
from slimbench.gate.timer import Effort, FilePair, Readings
from slimbench.history.record import Entry, History
from slimbench.progress import Display, duration, seconds_left
from slimbench.spec import Advance

START_SECONDS = 0.2
"""What a fresh process takes to be ready, the runtime imported, on a small machine."""

WARMING_SECONDS = 0.02
"""What a model is warmed for, as `slimbench.gate.worker` has it."""


def expected_seconds(  # noqa: PLR0913  (all but the first two say of what)
    pairs: Sequence[FilePair],
    processes: int,
    effort: Effort,
    *,
    baseline: History,
    candidate: History,
    apart: bool,
) -> float:
    """Return how long it takes to time pairs in so many processes, one after the other.

    With environments of their own (`apart`), both sides start at once, and the control starts
    anew. What a run has no value for counts as nothing.
    """
    starts = len({pair.control for pair in pairs}) if apart else 1
    timing = sum(_pair_seconds(pair, effort, baseline, candidate) for pair in pairs)
    return processes * (starts * START_SECONDS + timing)


def _pair_seconds(pair: FilePair, effort: Effort, baseline: History, candidate: History) -> float:
    after = baseline if pair.control else candidate
    sides = [side.entry(pair.case) for side in (baseline, after)]
    started = sum(_start_seconds(entry) for entry in sides)
    a_round = sum(_block_seconds(entry, effort) for entry in sides)
    rounds = max(effort.rounds, math.ceil(effort.pair_seconds / a_round))
    return started + rounds * a_round


def _start_seconds(entry: Entry | None) -> float:
    """Return the seconds to load a model, run it first and warm it."""
    if entry is None:
        return WARMING_SECONDS
    start = ((entry.init_ms or 0.0) + (entry.first_invoke_ms or 0.0)) / 1e3
    return start + max(WARMING_SECONDS, 2 * _invocation_seconds(entry))


def _block_seconds(entry: Entry | None, effort: Effort) -> float:
    """Return the seconds of a block: an untimed invocation, then timed ones."""
    once = _invocation_seconds(entry)
    return once + max(once, effort.block_seconds + once / 2)


def _invocation_seconds(entry: Entry | None) -> float:
    if entry is None or entry.latency_ms is None:
        return 0.0
    return entry.latency_ms.p50 / 1e3


Expect = Callable[[Sequence[FilePair], int], float]
"""Returns the seconds that it should take to time pairs in so many processes."""


@dataclass(frozen=True, slots=True)
class Watched:
    """Measures with `measure`, and says on standard error what to expect of it."""

    measure: Measure
    expect: Expect
    console: Console = field(default_factory=lambda: Console(stderr=True))

    def __call__(
        self, pairs: Sequence[FilePair], processes: int, advance: Advance
    ) -> list[Readings]:
        """Say what is timed and for about how long, then show how far it is."""
        expected = self.expect(pairs, processes)
        left = _Left(expected)
        # Drawing takes time from what is timed, so it is done no more than twice a second.
        columns = (TextColumn("{task.description}"), BarColumn(), left)
        with Display(self.console, *columns, per_second=2) as display:
            display.line(self._announcement(pairs, processes, expected))

            def update(done: float, total: float, note: str = "") -> None:
                left.note(done / total)
                display.show("timing", done, total)
                advance(done, total, note)

            return self.measure(pairs, processes, update)

    def _announcement(self, pairs: Sequence[FilePair], processes: int, expected: float) -> str:
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

    def note(self, share: float) -> None:
        """Note how much is done by now."""
        self._share, self._at = share, time.monotonic() - self._begun

    def render(self, task: Task) -> Text:  # noqa: ARG002  (rich's own signature)
        now = time.monotonic() - self._begun
        left = seconds_left(self._expected, self._share, self._at, now)
        return Text(f"about {duration(left)} left")
