"""How the charts look: colours, fonts and the scales' ticks.

The colours are Okabe and Ito's, which are told apart with any colour vision, and whatever a
colour says is said by a shape, a line or a word too.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

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
