"""The chart of a trend: one panel for each partition, with its points, levels and changes."""

from __future__ import annotations

import bisect
import math
import statistics
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator

from slimbench.report import numbers
from slimbench.report.chart_style import DPI, FAINT, GRID, INK, SETTING_COLOURS, drawing, save
from slimbench.report.quantity import Quantity
from slimbench.report.words import WORDS as REPORT
from slimbench.report.words import Lang
from slimbench.trend.notes import WORDS, change_parts, day, partition_label
from slimbench.trend.trends import Trend, TrendRun

WIDTH = 10.5
PANEL = 2.7
"""Inches."""

MOST_PANELS = 8
"""Partitions that are drawn, those with the newest runs; the others are counted."""

FEW = 300
"""Most points of which each is drawn large enough to be seen by itself."""

MANY = 2000
"""With more points, an SVG holds them as an image: a path for each would take megabytes."""

REMEDY = "Name another file, or mend the folder."

POINT, LEVEL, CHANGE = SETTING_COLOURS[0], INK, SETTING_COLOURS[5]


def draw(trends: Sequence[Trend], variant: str, last: int | None, path: Path, lang: Lang) -> None:
    """Write a chart; the name's ending, .png or .svg, says which.

    `last` leaves that many runs in each panel, with the levels that were found in all of them.

    Raises:
        ChartError: The file cannot be written.
    """
    with drawing():
        save(figure(trends, variant, last, lang), path, DPI, REMEDY)


def figure(trends: Sequence[Trend], variant: str, last: int | None, lang: Lang) -> Figure:
    """Return the panels, the partition with the newest run on top."""
    words = WORDS[lang]
    drawn = list(reversed(trends))[:MOST_PANELS]
    picture = Figure(figsize=(WIDTH, 1.3 + PANEL * len(drawn)), layout="constrained")
    title = textwrap.fill(f"{variant}, {trends[0].quantity.key}", 90, break_long_words=True)
    picture.suptitle(title, x=0.01, ha="left", fontweight="bold", fontsize=11)
    panels = picture.subplots(len(drawn), 1, squeeze=False)[:, 0]
    marks: dict[str, Line2D] = {}
    for axes, trend in zip(panels, drawn, strict=True):
        runs = trend.runs if last is None else trend.runs[-last:]
        marks |= _draw_panel(axes, trend, runs, lang)
        width = 95 if axes.get_title(loc="right") else 130
        axes.set_title(
            textwrap.fill(partition_label(trend.partition, lang), width, break_long_words=True),
            loc="left",
            fontsize=8.5,
            color=FAINT,
        )
    panels[-1].set_xlabel(words.chart_runs)
    left_out = len(trends) - len(drawn)
    note = words.chart_more_partitions.format(count=left_out) if left_out else None
    if marks or note:
        picture.legend(
            handles=list(marks.values()),
            loc="outside lower left",
            ncols=max(1, len(marks)),
            frameon=False,
            title=note,
            title_fontsize=8,
            alignment="left",
        )
    return picture


def _draw_panel(
    axes: Axes, trend: Trend, runs: Sequence[TrendRun], lang: Lang
) -> dict[str, Line2D]:
    """Draw points, levels and changes of one partition; return what its marks mean."""
    words = WORDS[lang]
    valued = [run for run in runs if run.level is not None]
    axes.grid(axis="y", color=GRID, linewidth=0.7)
    axes.set_axisbelow(True)
    if not valued:
        axes.text(0.5, 0.5, words.chart_nothing, transform=axes.transAxes, ha="center", color=FAINT)
        axes.set_xticks([])
        axes.set_yticks([])
        return {}
    limits = visible_limits(trend, valued)
    changes = [run for run in valued if run.is_change]
    labels = place_change_labels(trend, changes, limits, lang)
    scale_x(axes, valued, limits)
    scale_y(
        axes, trend.quantity, limits, 1 + max((label.row for label in labels), default=-1), lang
    )
    marks = _draw_points(axes, valued, limits, lang)
    marks |= _draw_levels(axes, trend, valued, lang)
    for run in changes:
        axes.axvline(run.point.number - 0.5, color=CHANGE, linewidth=1, linestyle=(0, (4, 3)))
    for label in labels:
        axes.annotate(
            label.text,
            (label.x, 1),
            xycoords=("data", "axes fraction"),
            xytext=(4 if label.align == "left" else -4, -2 - 11 * label.row),
            textcoords="offset points",
            ha=label.align,
            va="top",
            fontsize=8,
            color=CHANGE,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8},
            zorder=5,
        )
    if changes:
        marks[words.chart_change] = Line2D(
            [], [], color=CHANGE, linewidth=1, linestyle=(0, (4, 3)), label=words.chart_change
        )
    if len(labels) < len(changes):
        text = words.chart_more_changes.format(count=len(changes), named=len(labels))
        axes.set_title(text, loc="right", fontsize=8, color=CHANGE)
    return marks


def _draw_points(
    axes: Axes, runs: Sequence[TrendRun], limits: Limits, lang: Lang
) -> dict[str, Line2D]:
    words = WORDS[lang]
    size, alpha = (
        (4.5, 0.9) if len(runs) <= FEW else (2.5, 0.6) if len(runs) <= MANY else (1.6, 0.35)
    )
    whole: dict[str, Any] = {"marker": "o", "markerfacecolor": POINT, "markeredgewidth": 0.0}
    hollow: dict[str, Any] = {"marker": "o", "markerfacecolor": "white", "markeredgewidth": 0.9}
    above: dict[str, Any] = {"marker": "^", "markerfacecolor": POINT, "markeredgewidth": 0.0}
    below: dict[str, Any] = {**above, "marker": "v"}
    kinds: list[tuple[str, dict[str, Any], list[tuple[int, float]]]] = [
        (words.chart_run, whole, []),
        (words.chart_partial, hollow, []),
        (words.chart_clipped, below, []),
        (words.chart_clipped, above, []),
    ]
    for run in runs:
        value = run.point.value
        if value is None:
            continue
        clipped = min(max(value, limits.low), limits.high)
        kind = int(run.point.status == "partial")
        if clipped != value:
            kind = 3 if value > clipped else 2
        kinds[kind][2].append((run.point.number, clipped))
    marks = {}
    for label, look, spots in kinds:
        if spots:
            axes.plot(
                *zip(*spots, strict=True),
                **look,
                markersize=size if look["marker"] == "o" else max(size, 4.0),
                markeredgecolor=POINT,
                linestyle="none",
                alpha=alpha,
                rasterized=len(runs) > MANY,
                zorder=3,
            )
            marks[label] = Line2D(
                [], [], **look, markersize=5, markeredgecolor=POINT, linestyle="none", label=label
            )
    return marks


def _draw_levels(
    axes: Axes, trend: Trend, runs: Sequence[TrendRun], lang: Lang
) -> dict[str, Line2D]:
    """Draw each level from its first to its last run."""
    label = WORDS[lang].chart_level
    ends: dict[int, list[int]] = {}
    for run in runs:
        if run.level is not None:
            ends.setdefault(run.level, []).append(run.point.number)
    for level, run_numbers in ends.items():
        axes.hlines(
            trend.levels[level].value,
            run_numbers[0] - 0.5,
            run_numbers[-1] + 0.5,
            color=LEVEL,
            linewidth=1.6,
            zorder=4 if len(runs) > FEW else 2.5,  # single points are seen on it, a cloud is not
        )
    return {label: Line2D([], [], color=LEVEL, linewidth=1.6, label=label)}


SPREAD = 8.0
"""Median absolute deviations around its level within which a run is shown where it is; one slow
run would otherwise press all others into a line."""

ROW = 0.12
"""Height of a line of text, as a share of the panel."""

TICKS = 8


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of a panel's axes; a value beyond `low` or `high` is drawn at the edge."""

    first: int
    last: int
    low: float
    high: float


def visible_limits(trend: Trend, runs: Sequence[TrendRun]) -> Limits:
    """Return the limits of the axes for at least one run, all of them with a value."""
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
    return Limits(spots[0], spots[-1], min(values), max(values))


def scale_x(axes: Axes, runs: Sequence[TrendRun], limits: Limits) -> None:
    """Put run numbers below the panel, each with the date of its run or of the one before it."""
    spots = [run.point.number for run in runs]
    margin = max(1.0, 0.02 * (limits.last - limits.first))
    axes.set_xlim(limits.first - margin, limits.last + margin)
    if len(runs) <= TICKS:
        ticks = spots
    else:
        round_ones = MaxNLocator(TICKS, integer=True).tick_values(limits.first, limits.last)
        ticks = [int(tick) for tick in round_ones if limits.first <= tick <= limits.last]

    def label(tick: float, _: int) -> str:
        at = max(0, bisect.bisect_right(spots, tick) - 1)
        return f"{tick:.0f}\n{day(runs[at].point.taken)}"

    axes.xaxis.set_major_locator(FixedLocator(_spaced_out(ticks, limits)))
    axes.xaxis.set_major_formatter(FuncFormatter(label))
    axes.tick_params(axis="x", labelsize=8)


def _spaced_out(ticks: Sequence[int], limits: Limits) -> list[int]:
    """Leave out ticks whose dates would overlap."""
    room = (limits.last - limits.first) / 12
    kept: list[int] = []
    for tick in ticks:
        if not kept or tick - kept[-1] >= room:
            kept.append(tick)
    return kept


def scale_y(axes: Axes, quantity: Quantity, limits: Limits, rows: int, lang: Lang) -> None:
    """Show all values, with room above for `rows` lines of text, in a unit that tells them apart.

    It does not begin at zero: what is looked for is change.
    """
    span = limits.high - limits.low or 0.1 * abs(limits.high) or 1.0
    low = limits.low - 0.12 * span
    top = min(0.6, 0.06 + ROW * rows)
    axes.set_ylim(low, low + (limits.high - low + 0.06 * span) / (1 - top))
    divisor, unit = _unit(quantity, limits, lang)
    bottom, above = (edge / divisor for edge in axes.get_ylim())
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


def _unit(quantity: Quantity, limits: Limits, lang: Lang) -> tuple[float, str]:
    """Return what values are divided by, and what the axis is called."""
    words = REPORT[lang]
    if quantity.unit == "bytes":
        fine = limits.high - limits.low < 1e-3 * limits.high and limits.high > limits.low
        if fine or limits.high < 1024:
            return 1.0, words.byte
        if limits.high < 1023.5 * 1024:
            return 1024.0, words.kibibyte
        return 2.0**20, words.mebibyte
    if quantity.unit == "share":
        return 0.01, "%"
    names = {"ms": words.millisecond, "MiB": words.mebibyte, "ratio": "×", "s": "s", "per_s": "/s"}  # noqa: RUF001
    return 1.0, names.get(quantity.unit, "")


ROWS = 3
"""Lines of names that a panel has room for."""

LETTER = 0.0068
"""Width of a letter, as a share of the panel: generous, since letters differ."""


@dataclass(frozen=True, slots=True)
class ChangeLabel:
    """The text at a change of level: beside `x`, in a row counted from the top."""

    x: float
    row: int
    align: Literal["left", "right"]
    text: str


def place_change_labels(
    trend: Trend, changes: Sequence[TrendRun], limits: Limits, lang: Lang
) -> list[ChangeLabel]:
    """Place labels that do not overlap, for as many changes as fit, the largest first."""
    width = max(1, limits.last - limits.first) * 1.04
    taken: list[list[tuple[float, float]]] = [[] for _ in range(ROWS)]
    labels = []
    for run in sorted(changes, key=lambda run: -_magnitude(trend, run)):
        text = ", ".join(change_parts(trend, run, lang))
        x = run.point.number - 0.5
        at, length = (x - limits.first) / width, LETTER * (len(text) + 2)
        goes_right = at + length <= 1
        left, right = (at, at + length) if goes_right else (at - length, at)
        for row, others in enumerate(taken):
            if all(right <= start or stop <= left for start, stop in others):
                others.append((left, right))
                labels.append(ChangeLabel(x, row, "left" if goes_right else "right", text))
                break
    return labels


def _magnitude(trend: Trend, run: TrendRun) -> float:
    """Return the size of a change; infinite from zero, where no ratio is defined."""
    if run.level is None or run.before is None:
        return 0.0
    change = trend.quantity.change(run.before, trend.levels[run.level].value)
    return float("inf") if change is None else abs(change)
