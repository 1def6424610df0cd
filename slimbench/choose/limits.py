"""What a user asks of a variant: limits, each the same quantity as the budget of its kind."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from slimbench.errors import UsageProblem
from slimbench.history.record import Entry, Latency
from slimbench.number_format import fixed
from slimbench.spec import Unmeasured
from slimbench.suite.budgets import KINDS, BudgetKind

OPTIONS: Mapping[str, str] = {
    "--max-size-mb": "size_mb_max",
    "--max-latency-ratio": "latency_ratio_max",
    "--min-accuracy": "accuracy_top1_min",
    "--max-accuracy-drop": "accuracy_drop_max",
    "--max-latency-ms": "latency_ms_max",
}
"""The budget that each option of `slimbench best` is an instance of."""

AGAINST_REFERENCE = frozenset({"speedup", "accuracy_drop"})
"""Metrics that compare with the reference variant."""

_ROUNDED_DIGITS = 3


@dataclass(frozen=True, slots=True)
class Limit:
    """A bound that an entry's figure must keep; a figure equal to the bound keeps it."""

    option: str
    bound: float

    @property
    def kind(self) -> BudgetKind:
        """The budget it is an instance of."""
        return KINDS[OPTIONS[self.option]]

    def figure(self, entry: Entry) -> float | Unmeasured:
        """Return the number that is held against the bound, in the bound's unit."""
        return figure(self.kind, entry)

    def excess(self, value: float) -> float:
        """Return how far a value is beyond the bound; 0 where it keeps it.

        In shares the distance itself, else as a share of the bound, so that half a point of
        accuracy and half a percent of size weigh alike.
        """
        beyond = value - self.bound if self.kind.direction == "max" else self.bound - value
        return max(0.0, beyond if self.kind.unit == "share" else beyond / self.bound)

    def relaxed(self, value: float) -> float:
        """Return the tightest bound of few digits that lets this value in."""
        exact = Decimal(repr(value))
        places = Decimal(1).scaleb(exact.adjusted() - _ROUNDED_DIGITS + 1)
        outward = ROUND_CEILING if self.kind.direction == "max" else ROUND_FLOOR
        bound = float(exact.quantize(places, rounding=outward))
        return bound if self.excess_of(bound, value) == 0 else value

    def excess_of(self, bound: float, value: float) -> float:
        """Return `excess` with another bound."""
        return dataclasses.replace(self, bound=bound).excess(value)

    def __str__(self) -> str:
        return f"{self.option} {fixed(self.bound)}"


def figure(kind: BudgetKind, entry: Entry) -> float | Unmeasured:
    """Return what a budget of this kind would compare, or why the entry has no such figure."""
    reading = getattr(entry, kind.metric)
    if reading is None:
        return Unmeasured(entry.reasons[kind.metric])
    value = dataclasses.asdict(reading) if isinstance(reading, Latency) else reading
    return float(kind.take(value))


def make_limits(asked: Mapping[str, float | None]) -> tuple[Limit, ...]:
    """Return the limits that were given, checked; raises UsageProblem for one that is none."""
    limits = []
    for option, bound in asked.items():
        if bound is None:
            continue
        unit = KINDS[OPTIONS[option]].unit
        if not math.isfinite(bound) or bound < 0:
            raise UsageProblem(f"{option} must be a number from 0 up, not {bound!r}.")
        if unit == "share" and bound > 1:
            raise UsageProblem(
                f"{option} is a share from 0 to 1, not {fixed(bound)}; write 95 % as 0.95."
            )
        if unit != "share" and bound == 0:
            raise UsageProblem(f"{option} must be more than 0: nothing takes no {_noun(option)}.")
        limits.append(Limit(option, bound))
    return tuple(limits)


def _noun(option: str) -> str:
    return "space" if KINDS[OPTIONS[option]].quantity == "size" else "time"
