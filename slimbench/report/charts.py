"""Drawing a run's charts into files beside its history, as PNG and SVG."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slimbench.history.record import History
from slimbench.report.style import RC
from slimbench.report.words import Lang

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DPI = 150

_FORMATS: dict[str, dict[str, Any]] = {
    "png": {"dpi": DPI, "metadata": {"Software": None}},
    "svg": {"metadata": {"Date": None, "Creator": None}},
}


class ChartError(RuntimeError):
    """A chart that could not be written; the message says where and why."""


def draw(history: History, base: Path, lang: Lang) -> tuple[Path, ...]:
    """Write `<stem>_times`, `_sizes` and `_pareto`, each as .png and .svg; return their paths.

    `base` is the history's file, or a path whose last part is the stem. A chart for which nothing
    was measured is left out. The same history makes the same bytes; each file appears whole.

    Raises:
        ChartError: A file cannot be written.
    """
    stem = base.stem if base.suffix == ".json" else base.name
    written = []
    with _quiet():
        # matplotlib says things when it is first imported, and takes a second to be.
        import matplotlib as mpl  # noqa: PLC0415

        from slimbench.report import bars, scatter  # noqa: PLC0415

        charts = {"times": bars.times, "sizes": bars.sizes, "pareto": scatter.pareto}
        with mpl.rc_context():
            mpl.rcdefaults()
            mpl.rcParams.update(RC)
            for name, make in charts.items():
                figure = make(history, lang)
                if figure is not None:
                    written += _save(figure, base.parent, f"{stem}_{name}")
    return tuple(written)


def _save(figure: Figure, folder: Path, name: str) -> list[Path]:
    paths = []
    for kind, options in _FORMATS.items():
        path = folder / f"{name}.{kind}"
        partial = folder / f".{name}.{kind}.partial"
        try:
            try:
                figure.savefig(partial, format=kind, **options)
                partial.replace(path)
                # Drawing has settled the layout; settling it for each format takes longer.
                figure.set_layout_engine("none")
            finally:
                partial.unlink(missing_ok=True)
        except OSError as error:
            raise ChartError(
                f"The chart {path} cannot be written: {error.strerror or error}. Free some space "
                "or mend the folder's permissions, then make the report again."
            ) from error
        paths.append(path)
    return paths


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep matplotlib's remarks about font caches and its folders off the terminal."""
    logger = logging.getLogger("matplotlib")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
