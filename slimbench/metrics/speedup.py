"""How many times faster than the reference, measured side by side."""

from __future__ import annotations

import math
import time
from random import Random

from slimbench.measurement.pairs import Clock, paired_ratio
from slimbench.spec import BudgetForm, Figure, Group, Kind, Metric, Reading, Subject, Unmeasured

PAIRS = 5
BLOCK_SECONDS = 0.1
BLOCK_INVOCATIONS = 5


def _time_ratio(speedup: float) -> float:
    """Return own time / reference time; a speedup of 0, or endless, is no measurement."""
    if not 0 < speedup < math.inf:
        raise ArithmeticError
    return 1 / speedup


class Speedup:
    """Reference time / own time, from paired blocks; 1 for the reference, by definition.

    Its budget is of the inverse, `latency_ratio_max`: own time / reference time.
    """

    keys: tuple[str, ...] = ("speedup",)
    figures: tuple[Figure, ...] = (
        Figure(
            "speedup",
            "ratio",
            better="more",
            label="Time improvement",
            label_fr="Amélioration temps",
            against_reference=True,
            budgets=(BudgetForm("latency_ratio_max", "ratio", _time_ratio),),
        ),
    )
    group: Group = "latency"
    kind: Kind = "measure"

    def __init__(self, clock: Clock = time.perf_counter) -> None:
        self._clock = clock

    def read(self, subject: Subject) -> Reading:
        """Time the variant and its reference in turns, each on its first evaluation image."""
        reference = subject.reference
        if reference is None:
            return {"speedup": Unmeasured(subject.reference_reason)}
        if reference.case == subject.case:
            return {"speedup": 1.0}
        for side in (subject, reference):
            side.session.feed(side.example)
        ratio = paired_ratio(
            subject.session.invoke,
            reference.session.invoke,
            pairs=PAIRS,
            block_seconds=BLOCK_SECONDS,
            block_invocations=BLOCK_INVOCATIONS,
            rng=Random(),  # noqa: S311  (the order of blocks is no secret)
            clock=self._clock,
        )
        return {"speedup": ratio.median}


METRICS: tuple[Metric, ...] = (Speedup(),)
