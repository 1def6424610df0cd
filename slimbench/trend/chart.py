"""A trend as a picture: one panel for each partition, and nothing that joins two."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from slimbench.report.chart_style import DPI, FAINT, GRID, INK, SETTING_COLOURS, drawing, save
from slimbench.report.words import Lang
from slimbench.trend.labels import named_changes
from slimbench.trend.scale import Extent, extent, scale_x, scale_y
from slimbench.trend.sentences import named
from slimbench.trend.trends import Marked, Trend
from slimbench.trend.words import WORDS

WIDTH = 10.5
PANEL = 2.7
"""Inches."""

MOST_PANELS = 8
"""Partitions that are drawn, those with the newest runs; the others are counted."""

FEW = 300
"""Up to so many points, each is seen by itself."""

MANY = 2000
"""From so many points on, an SVG has them as a picture: a path for each would be megabytes."""

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
    said = WORDS[lang]
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
            textwrap.fill(named(trend.partition, lang), width, break_long_words=True),
            loc="left",
            fontsize=8.5,
            color=FAINT,
        )
    panels[-1].set_xlabel(said.chart_runs)
    left_out = len(trends) - len(drawn)
    note = said.chart_more_partitions.format(count=left_out) if left_out else None
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


def _draw_panel(axes: Axes, trend: Trend, runs: Sequence[Marked], lang: Lang) -> dict[str, Line2D]:
    """Draw points, levels and changes of one partition; return what its marks mean."""
    said = WORDS[lang]
    valued = [run for run in runs if run.level is not None]
    axes.grid(axis="y", color=GRID, linewidth=0.7)
    axes.set_axisbelow(True)
    if not valued:
        axes.text(0.5, 0.5, said.chart_nothing, transform=axes.transAxes, ha="center", color=FAINT)
        axes.set_xticks([])
        axes.set_yticks([])
        return {}
    shown = extent(trend, valued)
    names = named_changes(trend, [run for run in valued if run.is_change], shown, lang)
    scale_x(axes, valued, shown)
    scale_y(axes, trend.quantity, shown, 1 + max((name.row for name in names), default=-1), lang)
    marks = _draw_points(axes, valued, shown, lang)
    marks |= _draw_levels(axes, trend, valued, lang)
    changes = [run for run in valued if run.is_change]
    for run in changes:
        axes.axvline(run.point.number - 0.5, color=CHANGE, linewidth=1, linestyle=(0, (4, 3)))
    for name in names:
        axes.annotate(
            name.text,
            (name.x, 1),
            xycoords=("data", "axes fraction"),
            xytext=(4 if name.align == "left" else -4, -2 - 11 * name.row),
            textcoords="offset points",
            ha=name.align,
            va="top",
            fontsize=8,
            color=CHANGE,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8},
            zorder=5,
        )
    if changes:
        marks[said.chart_change] = Line2D(
            [], [], color=CHANGE, linewidth=1, linestyle=(0, (4, 3)), label=said.chart_change
        )
    if len(names) < len(changes):
        text = said.chart_more_changes.format(count=len(changes), named=len(names))
        axes.set_title(text, loc="right", fontsize=8, color=CHANGE)
    return marks


def _draw_points(
    axes: Axes, runs: Sequence[Marked], shown: Extent, lang: Lang
) -> dict[str, Line2D]:
    said = WORDS[lang]
    size, alpha = (
        (4.5, 0.9) if len(runs) <= FEW else (2.5, 0.6) if len(runs) <= MANY else (1.6, 0.35)
    )
    whole: dict[str, Any] = {"marker": "o", "markerfacecolor": POINT, "markeredgewidth": 0.0}
    hollow: dict[str, Any] = {"marker": "o", "markerfacecolor": "white", "markeredgewidth": 0.9}
    above: dict[str, Any] = {"marker": "^", "markerfacecolor": POINT, "markeredgewidth": 0.0}
    below: dict[str, Any] = {**above, "marker": "v"}
    kinds: list[tuple[str, dict[str, Any], list[tuple[int, float]]]] = [
        (said.chart_run, whole, []),
        (said.chart_partial, hollow, []),
        (said.chart_clipped, below, []),
        (said.chart_clipped, above, []),
    ]
    for run in runs:
        value = run.point.value
        if value is None:
            continue
        held = min(max(value, shown.low), shown.high)
        kind = int(run.point.status == "partial")
        if held != value:
            kind = 3 if value > held else 2
        kinds[kind][2].append((run.point.number, held))
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


def _draw_levels(axes: Axes, trend: Trend, runs: Sequence[Marked], lang: Lang) -> dict[str, Line2D]:
    """Draw each level from its first to its last run."""
    label = WORDS[lang].chart_level
    ends: dict[int, list[int]] = {}
    for run in runs:
        if run.level is not None:
            ends.setdefault(run.level, []).append(run.point.number)
    for place, numbers in ends.items():
        axes.hlines(
            trend.levels[place].value,
            numbers[0] - 0.5,
            numbers[-1] + 0.5,
            color=LEVEL,
            linewidth=1.6,
            zorder=4 if len(runs) > FEW else 2.5,  # single points are seen on it, a cloud is not
        )
    return {label: Line2D([], [], color=LEVEL, linewidth=1.6, label=label)}
