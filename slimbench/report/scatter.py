"""The chart to choose a model by: size, time and accuracy in one picture.

Variants of one network share a size or a time to within noise, so their points lie on top of
each other. Every name therefore needs a place of its own and a line to its point; `place_labels`
finds places where names cover neither each other nor the points. adjustText was tried: with 14
names, as of the published digits run, it left names on points and on each other.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Annotation
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from slimbench.history.record import Entry, History
from slimbench.report import numbers
from slimbench.report.chart_style import FAINT, GRID, INK, log_ticks
from slimbench.report.notes import setting
from slimbench.report.pareto import Tradeoff, on_front
from slimbench.report.table import in_order
from slimbench.report.words import WORDS, Lang

PANEL = (10.5, 6.6)
"""Inches of each engine and number of threads."""

MOST_NAMES = 24
"""Of more cases in a panel only the best and the reference are named: names would hide points."""

MARGIN = np.array([2.0, 0.5])
"""What is kept free beside and above a name, points."""

DISTANCES = (8.0, 12.5, 19.0, 29.0, 41.0, 56.0, 75.0, 100.0, 130.0)
"""From a point to the names that are tried around it, points."""

ANGLES = 24
"""Directions in which they are tried."""

ROUNDS = 6
"""How often each name may move to a better place."""

MARKER = 7.0
"""Half the width of the square that is kept free around a point, points."""

GAP = 1.0
"""What is kept free around a name, points."""

Floats = npt.NDArray[np.float64]
Truths = npt.NDArray[np.bool_]

_UNKNOWN = "#FFFFFF"

_RING: Mapping[str, Any] = {
    "marker": "s",
    "markersize": 13,
    "markerfacecolor": "none",
    "markeredgecolor": INK,
    "markeredgewidth": 1.2,
    "linestyle": "none",
}
"""What is drawn around the reference, which other points may lie on."""


def pareto(history: History, lang: Lang) -> Figure | None:
    """Draw one panel for each engine and number of threads.

    A case whose size or time was not measured has no place in the picture and is named below it;
    one without an accuracy is drawn but is neither on the front nor dominated. None where no
    case has both. Of many cases not all are named.
    """
    entries = in_order(history)
    settings = list(dict.fromkeys((entry.case.engine, entry.case.threads) for entry in entries))
    drawn = {
        key: [
            entry
            for entry in entries
            if (entry.case.engine, entry.case.threads) == key
            and entry.size_bytes is not None
            and entry.latency_ms is not None
        ]
        for key in settings
    }
    drawn = {key: members for key, members in drawn.items() if members}
    if not drawn:
        return None
    figure = Figure(figsize=(PANEL[0], PANEL[1] * len(drawn)), layout="constrained")
    FigureCanvasAgg(figure)
    shades = _shades([entry for members in drawn.values() for entry in members])
    panels = figure.subplots(len(drawn), 1, squeeze=False)[:, 0]
    texts = []
    for axes, (key, members) in zip(panels, drawn.items(), strict=True):
        title = WORDS[lang].chart_pareto.format(setting=setting(*key, lang))
        axes.set_title(title, loc="left", fontweight="bold", fontsize=11)
        texts.append(_draw_points(axes, members, shades, lang))
    if shades is not None:
        bar = figure.colorbar(
            shades, ax=list(panels), shrink=0.8, pad=0.02, aspect=30 * len(panels)
        )
        bar.set_label(WORDS[lang].chart_accuracy)
        bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: numbers.tick(value, lang)))
        bar.outline.set_visible(False)
    _draw_legend(figure, entries, list(drawn.values()), lang)
    # Names are placed in the final layout, which drawing once settles.
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for axes, named in zip(panels, texts, strict=True):
        _place_names(axes, named)
    return figure


def _shades(entries: Sequence[Entry]) -> ScalarMappable | None:
    """Return the colours of the accuracies, in percent; None where there is none."""
    shares = [100 * entry.accuracy_top1 for entry in entries if entry.accuracy_top1 is not None]
    if not shares:
        return None
    middle, half = (max(shares) + min(shares)) / 2, (max(shares) - min(shares)) / 2
    half = max(half, 0.5)
    return ScalarMappable(Normalize(middle - half, middle + half), mpl.colormaps["viridis"])


def _draw_points(
    axes: Axes, entries: Sequence[Entry], shades: ScalarMappable | None, lang: Lang
) -> list[tuple[Entry, Annotation]]:
    """Draw one panel's points and return those that are named with their names, not placed yet."""
    words = WORDS[lang]
    spots = [_spot(entry) for entry in entries]
    front = _front(entries)
    names: list[tuple[Entry, Annotation]] = []
    for entry, (size, time), best in zip(entries, spots, front, strict=True):
        share = entry.accuracy_top1
        fill = _fill(share, shades)
        axes.plot(
            size,
            time,
            marker="D" if best else "o",
            markersize=8.5 if best else 7,
            markerfacecolor=fill,
            markeredgecolor=INK,
            markeredgewidth=1.4 if best else 0.5,
            linestyle="none",
            zorder=3.5 if best else 3,
        )
        if entry.is_reference:
            axes.plot(size, time, **_RING, zorder=3)
        if len(entries) > MOST_NAMES and not (best or entry.is_reference):
            continue
        name = entry.case.variant
        if entry.is_reference:
            name += f" ({words.reference})"
        accuracy = "" if share is None else f"  {numbers.percent(share, lang)} %"
        written = axes.annotate(
            name + accuracy,
            (size, time),
            xytext=(0, 0),
            textcoords="offset points",
            fontsize=8,
            fontweight="bold" if best else "normal",
            color=INK if best or entry.is_reference else FAINT,
            annotation_clip=False,
            zorder=4,
        )
        written.set_in_layout(False)
        names.append((entry, written))
    _scale(axes, spots, lang)
    return names


def _fill(share: float | None, shades: ScalarMappable | None) -> Any:
    if share is None or shades is None:
        return _UNKNOWN
    return shades.to_rgba(np.array([100 * share]))[0]


def _spot(entry: Entry) -> tuple[float, float]:
    if entry.size_bytes is None or entry.latency_ms is None:
        raise ValueError(f"{entry.case.id} has no place in the chart")
    return float(entry.size_bytes), entry.latency_ms.p50


def _front(entries: Sequence[Entry]) -> list[bool]:
    """Say which entries are on the front of those whose accuracy is known."""
    known = [entry for entry in entries if entry.accuracy_top1 is not None]
    best = on_front([Tradeoff(*_spot(entry), entry.accuracy_top1 or 0.0) for entry in known])
    chosen = {entry.case for entry, on in zip(known, best, strict=True) if on}
    return [entry.case in chosen for entry in entries]


def _scale(axes: Axes, spots: Sequence[tuple[float, float]], lang: Lang) -> None:
    """Give both axes a logarithmic scale with room for the names, and round ticks."""
    words = WORDS[lang]
    axes.set_xscale("log")
    axes.set_yscale("log")
    low, high = np.min(spots, axis=0), np.max(spots, axis=0)
    axes.set_xlim(low[0] / 2.2, high[0] * 2.2)
    axes.set_ylim(low[1] / 1.7, high[1] * 2.2)
    for axis, limits, base in (
        (axes.xaxis, axes.get_xlim(), 1024.0),
        (axes.yaxis, axes.get_ylim(), 10.0),
    ):
        axis.set_major_locator(FixedLocator(log_ticks(*limits, base)))
        axis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda size, _: _bytes(size, lang)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda time, _: numbers.tick(time, lang)))
    axes.set_xlabel(words.chart_pareto_x)
    axes.set_ylabel(words.chart_pareto_y)
    axes.grid(color=GRID, linewidth=0.7)
    axes.set_axisbelow(True)


def _place_names(axes: Axes, named: Sequence[tuple[Entry, Annotation]]) -> None:
    """Move the names to where they can be read, with a line to points that are further off."""
    scale = 72 / axes.figure.dpi
    points = axes.transData.transform([_spot(entry) for entry, _ in named]) * scale
    extents = [name.get_window_extent() for _, name in named]
    sizes = np.array([(extent.width, extent.height) for extent in extents]) * scale + 2 * MARGIN
    frame = axes.bbox
    area = Area(*(edge * scale for edge in (frame.x0 + 4, frame.y0 + 4, frame.x1, frame.y1)))
    corners = place_labels(points, sizes, area)
    for i, (entry, name) in enumerate(named):
        name.set_position(tuple(corners[i] + MARGIN - points[i]))
        end = anchor(points[i], corners[i][None, :], sizes[i])[0]
        line = axes.annotate(
            "",
            _spot(entry),
            xytext=tuple(end - points[i]),
            textcoords="offset points",
            arrowprops={
                "arrowstyle": "-",
                "color": FAINT,
                "linewidth": 0.7,
                "shrinkA": 0,
                "shrinkB": 0,
            },
            zorder=2,
        )
        line.set_in_layout(False)


def _draw_legend(
    figure: Figure, entries: Sequence[Entry], drawn: Sequence[Sequence[Entry]], lang: Lang
) -> None:
    """Explain the marks below the panels, and name what could not be drawn."""
    words = WORDS[lang]
    members = [entry for panel in drawn for entry in panel]
    marks = []
    if any(entry.accuracy_top1 is not None for entry in members):
        marks = [
            _mark("D", "#7F7F7F", INK, words.chart_front),
            _mark("o", "#7F7F7F", INK, words.chart_dominated),
        ]
    if any(entry.accuracy_top1 is None for entry in members):
        marks.append(_mark("o", _UNKNOWN, INK, words.chart_no_accuracy))
    if any(entry.is_reference for entry in members):
        marks.append(Line2D([], [], **_RING, label=words.reference))
    left_out = [entry.case.id for entry in entries if entry not in members]
    names = words.chart_left_out.format(names=", ".join(left_out))
    title = textwrap.fill(names, 150) if left_out else None
    figure.legend(
        handles=marks,
        loc="outside lower left",
        ncols=len(marks),
        frameon=False,
        title=title,
        title_fontsize=8,
        alignment="left",
    )


def _mark(shape: str, fill: str, edge: str, label: str) -> Line2D:
    return Line2D(
        [],
        [],
        marker=shape,
        linestyle="none",
        markersize=8,
        markerfacecolor=fill,
        markeredgecolor=edge,
        label=label,
    )


def _bytes(size: float, lang: Lang) -> str:
    """Write a round size without the zeros that a measured one would show."""
    words = WORDS[lang]
    for unit, name in ((2**20, words.mebibyte), (1024, words.kibibyte)):
        if size >= unit:
            return f"{numbers.tick(size / unit, lang)} {name}"
    return f"{numbers.tick(size, lang)} {words.byte}"


@dataclass(frozen=True, slots=True)
class Area:
    """Where names may stand."""

    left: float
    bottom: float
    right: float
    top: float


def place_labels(points: Floats, sizes: Floats, area: Area) -> Floats:
    """Return the lower left corner for each name.

    All lengths are in one unit, such as typographic points; `points` and `sizes` (width, height)
    have shape (n, 2), so has the result. Each name takes the cheapest of its candidate places
    around its point, in turns, until nothing moves: a greedy search, deterministic, not optimal.
    """
    count = len(points)
    candidates = np.stack([_candidates(points[i], sizes[i]) for i in range(count)])
    fixed = np.stack([_fixed_cost(i, candidates[i], points, sizes, area) for i in range(count)])
    chosen = np.full(count, -1)
    # Those in a crowd have the fewest good places and go first.
    order = np.argsort(-np.min(fixed, axis=1), kind="stable")
    for _ in range(ROUNDS):
        before = chosen.copy()
        for i in order:
            others = [j for j in range(count) if j != i and chosen[j] >= 0]
            cost = fixed[i] + sum(
                _conflict(i, j, candidates, candidates[j][chosen[j]], points, sizes) for j in others
            )
            chosen[i] = int(np.argmin(cost))
        if (chosen == before).all():
            break
    corners: Floats = candidates[np.arange(count), chosen]
    return corners


def _candidates(point: Floats, size: Floats) -> Floats:
    """Return corners all around a point, nearest first, shape (places, 2)."""
    angles = np.arange(ANGLES) * 2 * np.pi / ANGLES
    directions = np.column_stack([np.cos(angles), np.sin(angles)])
    corners = [
        point + distance * directions + (directions - 1) / 2 * size for distance in DISTANCES
    ]
    places: Floats = np.concatenate(corners)
    return places


def _fixed_cost(i: int, corners: Floats, points: Floats, sizes: Floats, area: Area) -> Floats:
    """Return what each place costs whatever the other names do: distance, edges, points."""
    size = sizes[i]
    outside = np.maximum(0, [area.left, area.bottom] - corners).sum(axis=1)
    outside += np.maximum(0, corners + size - [area.right, area.top]).sum(axis=1)
    cost: Floats = 0.3 * np.repeat(np.array(DISTANCES), ANGLES) + 1000 * (outside > 0) + outside
    ends = anchor(points[i], corners, size)
    square = np.full(2, 2 * MARKER)
    for point in points:
        cost += 2.0 * _overlap(corners, size, point - MARKER, square)
        if not _inside(points[i], point - MARKER, square):
            cost += 40.0 * _touches(points[i], ends, point - MARKER, square)
    return cost


def _conflict(  # noqa: PLR0913, PLR0917
    i: int, j: int, candidates: Floats, corner: Floats, points: Floats, sizes: Floats
) -> Floats:
    """Return what each place of name `i` costs beside name `j` at `corner`."""
    padded = sizes[i] + 2 * GAP
    cost = 3.0 * _overlap(candidates[i] - GAP, padded, corner, sizes[j])
    cost += 40.0 * _touches(points[i], anchor(points[i], candidates[i], sizes[i]), corner, sizes[j])
    line_end = anchor(points[j], corner[None, :], sizes[j])
    for share in (0.2, 0.4, 0.6, 0.8):
        spot = points[j] + share * (line_end[0] - points[j])
        cost += 10.0 * _inside(spot, candidates[i], sizes[i])
    return cost


def anchor(point: Floats, corners: Floats, size: Floats) -> Floats:
    """Return the spot of each name that is nearest to its point, shape (places, 2)."""
    nearest: Floats = np.clip(point, corners, corners + size)
    return nearest


def _touches(start: Floats, ends: Floats, corner: Floats, size: Floats) -> Truths:
    """Say whether the line to each end passes through a name."""
    shares = np.linspace(0.1, 0.9, 9)[:, None, None]
    spots = start + shares * (ends - start)
    touches: Truths = np.logical_or.reduce(_inside(spots, corner, size), axis=0)
    return touches


def _inside(spots: Floats, corners: Floats, size: Floats) -> Truths:
    """Say which spots are within rectangles at `corners`; the last axis is x, y."""
    within = (spots >= corners) & (spots <= corners + size)
    inside: Truths = np.logical_and.reduce(within, axis=-1)
    return inside


def _overlap(corners: Floats, size: Floats, corner: Floats, other: Floats) -> Floats:
    """Return the area that rectangles at `corners` share with one other."""
    shared = np.minimum(corners + size, corner + other) - np.maximum(corners, corner)
    result: Floats = np.maximum(0.0, shared).prod(axis=1)
    return result
