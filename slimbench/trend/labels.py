"""Which changes are named in a panel, and where, so that no name covers another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from slimbench.report.words import Lang
from slimbench.trend.scale import Extent
from slimbench.trend.sentences import change_parts
from slimbench.trend.trends import Marked, Trend

ROWS = 3
"""Lines of names that a panel has room for."""

LETTER = 0.0068
"""Width of a letter, as a share of the panel: generous, since letters differ."""


@dataclass(frozen=True, slots=True)
class Name:
    """What is written at a change: beside `x` in a row from the top, on the side with room."""

    x: float
    row: int
    align: Literal["left", "right"]
    text: str


def named_changes(trend: Trend, changes: Sequence[Marked], shown: Extent, lang: Lang) -> list[Name]:
    """Name as many changes as there is room for, the largest first."""
    width = max(1, shown.last - shown.first) * 1.04
    taken: list[list[tuple[float, float]]] = [[] for _ in range(ROWS)]
    names = []
    for run in sorted(changes, key=lambda run: -_size(trend, run)):
        text = ", ".join(change_parts(trend, run, lang))
        x = run.point.number - 0.5
        at, length = (x - shown.first) / width, LETTER * (len(text) + 2)
        goes_right = at + length <= 1
        place = (at, at + length) if goes_right else (at - length, at)
        for row, others in enumerate(taken):
            if all(place[1] <= start or stop <= place[0] for start, stop in others):
                others.append(place)
                names.append(Name(x, row, "left" if goes_right else "right", text))
                break
    return names


def _size(trend: Trend, run: Marked) -> float:
    """Return how large a change is, from nothing being larger than any."""
    if run.level is None or run.before is None:
        return 0.0
    change = trend.quantity.change(run.before, trend.levels[run.level].value)
    return float("inf") if change is None else abs(change)
