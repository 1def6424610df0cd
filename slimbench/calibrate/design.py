"""What will be tried, settled before anything is measured.

Comparisons are taken in batches that share their processes and one control, as the cases of a
profile do; each is judged alone. Every batch holds comparisons without and with a slowdown, in all
sizes, so that an hour in which the machine was busy falls on all of them alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from slimbench.calibrate.workload import LAYERS, SIZES, Size, Workload

ORDINARY_BATCHES = 60
BURNER_BATCHES = 10
NULLS = 5
"""Comparisons without a slowdown in each batch: 300 in all, and 50 beside the burner."""

SMALL = (2, 5, 8)
"""Slowdowns in percent, one of each in every ordinary batch: 60 in all."""

OTHER = (4, 10, 20)
"""Slowdowns that take turns from batch to batch: 20 in all."""

BASELINE_WEIGHTS, CANDIDATE_WEIGHTS = 0, 1


@dataclass(frozen=True, slots=True)
class Trial:
    """One comparison: `slowdown` percent of work were added to the candidate, or none."""

    size: Size
    slowdown: int

    @property
    def baseline(self) -> Workload:
        """The file that is taken as good."""
        return Workload(self.size, LAYERS, BASELINE_WEIGHTS)

    @property
    def candidate(self) -> Workload:
        """The file that is judged; a null is other weights in the same layers."""
        return Workload(self.size, LAYERS + LAYERS * self.slowdown // 100, CANDIDATE_WEIGHTS)


@dataclass(frozen=True, slots=True)
class Batch:
    """Comparisons that are timed together; `burner`: beside a process that burns one core."""

    number: int
    burner: bool
    trials: tuple[Trial, ...]


def batches(
    ordinary: int = ORDINARY_BATCHES, burners: int = BURNER_BATCHES, seed: int = 0
) -> tuple[Batch, ...]:
    """Return all batches in the order in which they are taken, the same for the same numbers.

    Those beside the burner are spread over the whole.
    """
    kinds = [False] * ordinary + [True] * burners
    Random(seed).shuffle(kinds)  # noqa: S311  (the order is no secret)
    taken = {False: 0, True: 0}
    made = []
    for number, burner in enumerate(kinds):
        turn = taken[burner]
        taken[burner] += 1
        made.append(Batch(number, burner, _nulls(turn) + (() if burner else _slowed(turn))))
    return tuple(made)


def workloads(design: Sequence[Batch]) -> tuple[Workload, ...]:
    """Return every model that a design needs, each once."""
    trials = [trial for batch in design for trial in batch.trials]
    every = [each for trial in trials for each in (trial.baseline, trial.candidate)]
    return tuple(dict.fromkeys(every))


def _nulls(turn: int) -> tuple[Trial, ...]:
    first = turn * NULLS
    return tuple(Trial(SIZES[(first + each) % len(SIZES)], 0) for each in range(NULLS))


def _slowed(turn: int) -> tuple[Trial, ...]:
    small = [Trial(SIZES[(turn + each) % len(SIZES)], SMALL[each]) for each in range(len(SMALL))]
    other = Trial(SIZES[turn // len(OTHER) % len(SIZES)], OTHER[turn % len(OTHER)])
    return (*small, other)
