"""A run's charts: of times, of sizes, and of the trade-off between size, time and accuracy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from slimbench.history.record import History
from slimbench.report.chart_style import DPI, as_svg, drawing, save
from slimbench.report.words import Lang

if TYPE_CHECKING:
    from matplotlib.figure import Figure

REMEDY = "Free some space or mend the folder's permissions, then make the report again."


def draw(history: History, base: Path, lang: Lang) -> tuple[Path, ...]:
    """Write `<stem>_times`, `_sizes` and `_pareto`, each as .png and .svg; return their paths.

    `base` is the history's file, or a path whose last part is the stem. A chart for which nothing
    was measured is left out. The same history makes the same bytes; each file appears whole.

    Raises:
        ChartError: A file cannot be written.
    """
    stem = base.stem if base.suffix == ".json" else base.name
    paths = []
    with drawing():
        for name, figure in _figures(history, lang):
            png, svg = (base.parent / f"{stem}_{name}.{kind}" for kind in ("png", "svg"))
            save(figure, png, DPI, REMEDY)
            # Saving has settled the layout; settling it again takes longer than drawing.
            figure.set_layout_engine("none")
            save(figure, svg, "figure", REMEDY)
            paths += [png, svg]
    return tuple(paths)


def svgs(history: History, lang: Lang) -> dict[str, str]:
    """Return the same charts as texts of SVG files, by their names."""
    with drawing():
        return {name: as_svg(figure) for name, figure in _figures(history, lang)}


def _figures(history: History, lang: Lang) -> Iterator[tuple[str, Figure]]:
    from slimbench.report import bars, scatter  # noqa: PLC0415 - they import matplotlib

    charts = {"times": bars.times, "sizes": bars.sizes, "pareto": scatter.pareto}
    for name, make in charts.items():
        figure = make(history, lang)
        if figure is not None:
            yield name, figure
