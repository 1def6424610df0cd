"""The scales of a trend's panel: what part of the values is shown, and with which ticks."""

from __future__ import annotations

import bisect
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator

from slimbench.report import numbers
from slimbench.report.words import WORDS, Lang
from slimbench.trend.quantity import Quantity
from slimbench.trend.sentences import day
from slimbench.trend.trends import Marked, Trend

SPREAD = 8.0
"""Median absolute deviations around its level within which a run is shown where it is; one slow
run would otherwise press all others into a line."""

ROW = 0.12
"""Height of a line of text, as a share of the panel."""

TICKS = 8


@dataclass(frozen=True, slots=True)
class Extent:
    """The run numbers and the values that a panel shows; a value beyond is drawn at the edge."""

    first: int
    last: int
    low: float
    high: float


def extent(trend: Trend, runs: Sequence[Marked]) -> Extent:
    """Return what is shown of runs that all have a figure; there is at least one."""
    levels = {run.level: trend.levels[run.level].value for run in runs if run.level is not None}
    pairs = [
        (run.point.value, levels[run.level])
        for run in runs
        if run.point.value is not None and run.level is not None
    ]
    deviation = SPREAD * statistics.median(abs(value - level) for value, level in pairs)
    held = [min(max(value, level - deviation), level + deviation) for value, level in pairs]
    # With few runs, or nearly equal ones, nothing can be called far off.
    values = held if deviation and len(pairs) >= TICKS else [value for value, _ in pairs]
    spots = [run.point.number for run in runs]
    return Extent(spots[0], spots[-1], min(values), max(values))


def scale_x(axes: Axes, runs: Sequence[Marked], shown: Extent) -> None:
    """Put run numbers below the panel, each with the date of its run or of the one before it."""
    spots = [run.point.number for run in runs]
    margin = max(1.0, 0.02 * (shown.last - shown.first))
    axes.set_xlim(shown.first - margin, shown.last + margin)
    if len(runs) <= TICKS:
        ticks = spots
    else:
        round_ones = MaxNLocator(TICKS, integer=True).tick_values(shown.first, shown.last)
        ticks = [int(tick) for tick in round_ones if shown.first <= tick <= shown.last]

    def label(tick: float, _: int) -> str:
        at = max(0, bisect.bisect_right(spots, tick) - 1)
        return f"{tick:.0f}\n{day(runs[at].point.taken)}"

    axes.xaxis.set_major_locator(FixedLocator(_apart(ticks, shown)))
    axes.xaxis.set_major_formatter(FuncFormatter(label))
    axes.tick_params(axis="x", labelsize=8)


def _apart(ticks: Sequence[int], shown: Extent) -> list[int]:
    """Leave out ticks whose dates would run into each other."""
    room = (shown.last - shown.first) / 12
    kept: list[int] = []
    for tick in ticks:
        if not kept or tick - kept[-1] >= room:
            kept.append(tick)
    return kept


def scale_y(axes: Axes, quantity: Quantity, shown: Extent, rows: int, lang: Lang) -> None:
    """Show all values, with room above for `rows` lines of text, in a unit that tells them apart.

    It does not begin at zero: what is looked for is change.
    """
    span = shown.high - shown.low or 0.1 * abs(shown.high) or 1.0
    low = shown.low - 0.12 * span
    top = min(0.6, 0.06 + ROW * rows)
    axes.set_ylim(low, low + (shown.high - low + 0.06 * span) / (1 - top))
    divisor, unit = _unit(quantity, shown, lang)
    bottom, above = (limit / divisor for limit in axes.get_ylim())
    whole = divisor == 1 and quantity.unit in ("bytes", "count")
    round_ones = MaxNLocator(5, integer=whole).tick_values(bottom, above)
    ticks = [float(tick) for tick in round_ones if bottom <= tick <= above]
    step = min((b - a for a, b in pairwise(ticks)), default=1.0)
    places = max(0, -math.floor(math.log10(step) + 1e-9))
    if abs(round(step, places) - step) > 1e-6 * step:  # such as 0.25
        places += 1
    axes.yaxis.set_major_locator(FixedLocator([tick * divisor for tick in ticks]))
    axes.yaxis.set_major_formatter(
        FuncFormatter(lambda value, _: numbers.decimal(value / divisor, lang, places))
    )
    axes.set_ylabel(unit)


def _unit(quantity: Quantity, shown: Extent, lang: Lang) -> tuple[float, str]:
    """Return what values are divided by, and what the axis is called."""
    words = WORDS[lang]
    if quantity.unit == "bytes":
        fine = shown.high - shown.low < 1e-3 * shown.high and shown.high > shown.low
        if fine or shown.high < 1024:
            return 1.0, words.byte
        if shown.high < 1023.5 * 1024:
            return 1024.0, words.kibibyte
        return 2.0**20, words.mebibyte
    if quantity.unit == "share":
        return 0.01, "%"
    names = {"ms": words.millisecond, "MiB": words.mebibyte, "ratio": "×"}  # noqa: RUF001
    return 1.0, names.get(quantity.unit, "")
