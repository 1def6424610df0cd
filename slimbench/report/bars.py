"""Bar charts of times and of sizes.

The bars start at zero on a linear scale, so that their lengths may be compared; what is too
short to be seen has its figure written beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter

from slimbench.history.record import Entry, History
from slimbench.report import numbers
from slimbench.report.chart_style import (
    FAINT,
    GRID,
    INK,
    REFERENCE_BAND,
    SETTING_COLOURS,
    SIZE_COLOURS,
)
from slimbench.report.notes import setting
from slimbench.report.table import in_order
from slimbench.report.words import WORDS, Lang

BAR = 0.26
"""Height of a bar, inches."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar with its figure; `tip` is where a line beyond its end leads to."""

    value: float | None
    text: str
    note: str
    colour: str
    tip: float | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """The bars of one model."""

    name: str
    is_reference: bool
    bars: tuple[Bar, ...]


def times(history: History, lang: Lang) -> Figure | None:
    """Draw the median and the 90th percentile of each case; None where no time was measured."""
    words = WORDS[lang]
    entries = in_order(history)
    settings = list(dict.fromkeys((entry.case.engine, entry.case.threads) for entry in entries))
    colours = {key: SETTING_COLOURS[i % len(SETTING_COLOURS)] for i, key in enumerate(settings)}
    if not any(entry.latency_ms for entry in entries):
        return None
    by_variant: dict[str, list[Entry]] = {}
    for entry in entries:
        by_variant.setdefault(entry.case.variant, []).append(entry)
    groups = [
        Group(
            variant,
            members[0].is_reference,
            tuple(
                _time(entry, colours[entry.case.engine, entry.case.threads], lang)
                for entry in members
            ),
        )
        for variant, members in by_variant.items()
    ]
    legend = [(setting(*key, lang), colour) for key, colour in colours.items()]
    figure, axes = _drawn(groups, legend, lang)
    _headed(axes, f"{words.chart_times} ({words.chart_p90})", words.chart_times_axis)
    return figure


def sizes(history: History, lang: Lang) -> Figure | None:
    """Draw the size of each file, raw and compressed; None where no size was measured."""
    words = WORDS[lang]
    files = {(entry.case.variant, entry.model_sha256): entry for entry in in_order(history)[::-1]}
    entries = list(files.values())[::-1]
    if not any(entry.size_bytes for entry in entries):
        return None
    names = [entry.case.variant for entry in entries]
    groups = [
        Group(
            entry.case.variant
            if names.count(entry.case.variant) == 1
            else f"{entry.case.variant} ({entry.case.engine})",
            entry.is_reference,
            (
                _size(entry.size_bytes, _reduction(entry, lang), SIZE_COLOURS[0], lang),
                _size(entry.size_gzip_bytes, words.chart_gzip, SIZE_COLOURS[1], lang),
            ),
        )
        for entry in entries
    ]
    legend = list(zip((words.chart_raw, words.chart_gzip), SIZE_COLOURS, strict=True))
    figure, axes = _drawn(groups, legend, lang)
    _headed(axes, words.chart_sizes, words.chart_sizes_axis)
    return figure


def _time(entry: Entry, colour: str, lang: Lang) -> Bar:
    words = WORDS[lang]
    latency = entry.latency_ms
    if latency is None:
        return Bar(None, "", words.chart_not_measured, colour)
    note = (
        ""
        if entry.is_reference or entry.speedup is None
        else numbers.times(entry.speedup, lang, words.faster, words.slower)
    )
    return Bar(latency.p50, numbers.milliseconds(latency.p50, lang), note, colour, latency.p90)


def _size(count: int | None, note: str, colour: str, lang: Lang) -> Bar:
    if count is None:
        return Bar(None, "", WORDS[lang].chart_not_measured, colour)
    return Bar(count / 2**20, numbers.size(count, lang), note, colour)


def _reduction(entry: Entry, lang: Lang) -> str:
    words = WORDS[lang]
    if entry.is_reference or entry.size_ratio is None:
        return ""
    return numbers.times(1 / entry.size_ratio, lang, words.smaller, words.larger)


def _drawn(
    groups: Sequence[Group], legend: Sequence[tuple[str, str]], lang: Lang
) -> tuple[Figure, Axes]:
    """Draw the groups from top to bottom, the reference on a band of its own."""
    rows = sum(len(group.bars) + 0.6 for group in groups)
    figure = Figure(figsize=(10.5, 1.5 + BAR * rows), layout="constrained")
    axes = figure.add_subplot()
    ends = [max(bar.value or 0.0, bar.tip or 0.0) for group in groups for bar in group.bars]
    axes.set_xlim(0, 1.3 * max(ends))
    axes.set_ylim(rows, 0)
    ticks = []
    top = 0.0
    for group in groups:
        height = len(group.bars) + 0.6
        if group.is_reference:
            axes.axhspan(top, top + height, color=REFERENCE_BAND, zorder=0)
        for i, bar in enumerate(group.bars):
            _draw_bar(axes, top + 0.8 + i, bar)
        ticks.append(top + height / 2)
        top += height
    _name_groups(axes, groups, ticks, lang)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: numbers.tick(value, lang)))
    axes.grid(axis="x", color=GRID, zorder=0)
    axes.set_axisbelow(True)
    axes.spines["left"].set_visible(False)
    figure.legend(
        handles=[Patch(color=colour, label=label) for label, colour in legend],
        loc="outside lower right",
        ncols=min(4, len(legend)),
        frameon=False,
    )
    return figure, axes


def _draw_bar(axes: Axes, y: float, bar: Bar) -> None:
    value = bar.value or 0.0
    end = max(value, bar.tip or 0.0)
    axes.barh(y, value, height=0.82, color=bar.colour, zorder=2)
    if bar.tip is not None:
        axes.plot([value, bar.tip], [y, y], color=INK, linewidth=1.2, zorder=3)
        axes.plot([bar.tip] * 2, [y - 0.25, y + 0.25], color=INK, linewidth=1.2, zorder=3)
    written = axes.annotate(
        bar.text, (end, y), xytext=(5, 0), textcoords="offset points", va="center", fontsize=8.5
    )
    if bar.note:
        axes.annotate(
            bar.note,
            (1, 0.5),
            xycoords=written,
            xytext=(7, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
            color=FAINT,
        )


def _name_groups(axes: Axes, groups: Sequence[Group], ticks: Sequence[float], lang: Lang) -> None:
    reference = WORDS[lang].reference
    names = [
        f"{group.name} ({reference})" if group.is_reference else group.name for group in groups
    ]
    axes.set_yticks(ticks, names)
    axes.tick_params(axis="y", length=0)
    for label, group in zip(axes.get_yticklabels(), groups, strict=True):
        label.set_fontweight("bold" if group.is_reference else "normal")


def _headed(axes: Axes, title: str, axis: str) -> None:
    axes.set_title(title, loc="left", fontweight="bold", fontsize=11)
    axes.set_xlabel(axis)
