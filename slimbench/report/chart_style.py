"""How charts look and how they are written to files.

The colours are Okabe and Ito's, which are told apart with any colour vision, and whatever a
colour says is said by a shape, a line or a word too.

Importing this module does not import matplotlib: it takes a second, and what it logs when it is
first imported is to be silenced by `drawing`.
"""

from __future__ import annotations

import io
import logging
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from slimbench.atomic_write import replacing
from slimbench.environment import changed_variables

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DPI = 150
"""Dots per inch of pixel images."""

SETTING_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")
"""One for each engine and number of threads, in their order."""

SIZE_COLOURS = ("#0072B2", "#56B4E9")
"""The file, and the file compressed."""

REFERENCE_BAND = "#F3E9D2"
INK = "#222222"
FAINT = "#6B6B6B"
GRID = "#E6E6E6"

RC: Mapping[Any, Any] = {
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same picture everywhere
    "font.size": 9.0,
    "axes.edgecolor": "#999999",
    "axes.labelcolor": INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.unicode_minus": True,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "svg.fonttype": "path",
    "svg.hashsalt": "slimbench",
    "text.usetex": False,
    "text.parse_math": False,
    "figure.constrained_layout.h_pad": 0.07,
    "figure.constrained_layout.w_pad": 0.12,
}
"""Matplotlib's parameters, over its defaults, so that no user's file changes the charts."""

_METADATA: Mapping[str, dict[str, str | None]] = {
    "png": {"Software": None},
    "svg": {"Date": None, "Creator": None},
}
"""What matplotlib would write into a file and no two files would have alike."""


class ChartError(RuntimeError):
    """A chart that could not be written; the message says where and why."""


@contextmanager
def drawing() -> Iterator[None]:
    """Apply the style, and silence matplotlib's warnings about font caches and its folders."""
    logger = logging.getLogger("matplotlib")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        # A notebook's backend is not installed here, and files need none.
        with changed_variables("MPLBACKEND"):
            import matplotlib as mpl  # noqa: PLC0415 - see above

        with mpl.rc_context():
            mpl.rcdefaults()
            mpl.rcParams.update(RC)
            yield
    finally:
        logger.setLevel(level)


def save(figure: Figure, path: Path, dpi: float | Literal["figure"], remedy: str) -> None:
    """Write a figure as PNG or SVG, by the name's ending; equal figures give equal bytes.

    In an SVG, `dpi` is that of the parts that matplotlib rasterises.

    Raises:
        ChartError: It cannot be written; `remedy` is the sentence that says what to do.
    """
    kind = path.suffix[1:]
    try:
        with replacing(path) as partial:
            figure.savefig(partial, format=kind, dpi=dpi, metadata=_METADATA[kind])
    except OSError as error:
        reason = error.strerror or error
        raise ChartError(f"The chart {path} cannot be written: {reason}. {remedy}") from error


def as_svg(figure: Figure) -> str:
    """Return a figure as the text of an SVG file; equal figures give equal texts."""
    text = io.StringIO()
    figure.savefig(text, format="svg", dpi="figure", metadata=_METADATA["svg"])
    return text.getvalue()


def log_ticks(low: float, high: float, base: float = 10.0) -> list[float]:
    """Return round values from `low` to `high` for a logarithmic axis.

    They are 1, 2 and 5 times a power of ten, or powers of ten alone over more than three decades.
    With `base` 1024 they are 1 to 500 of a unit of bytes.
    """
    steps = (1, 2, 5) if math.log10(high / low) <= 3 else (1,)
    units = [1.0]
    if base != 10:
        units = [base**power for power in range(8)]
        decades = range(3)
    else:
        decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks = (unit * step * 10.0**power for unit in units for power in decades for step in steps)
    return [tick for tick in ticks if low <= tick <= high]
