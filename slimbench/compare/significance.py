"""Whether two runs differ by more than chance, from what their histories keep."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.stats import binomtest, mannwhitneyu

ALPHA = 0.05
"""Below this p a difference is called one; it is not corrected for the number of cases."""


def mann_whitney(first: Sequence[float], second: Sequence[float]) -> float:
    """Return the two-sided p of Mann and Whitney's U (1947), exact for few samples without ties.

    It takes samples as independent. Those of one process are not quite, and those of two times
    share no conditions, so a small p says that the runs differ, not that the models do.
    """
    return float(mannwhitneyu(first, second, alternative="two-sided").pvalue)


def enough(first: int, second: int) -> bool:
    """Whether so many samples could differ at `ALPHA` at all.

    The least p there is, that of samples which do not overlap, is 2 / C(first + second, first).
    """
    return 2 / math.comb(first + second, first) < ALPHA


def mcnemar(lost: int, won: int) -> float:
    """Return the two-sided exact p of McNemar's test (1947) that losses and gains are alike.

    `lost` answers were right before and are wrong now, `won` the other way round. Without either
    there is nothing to tell apart, and p is 1.
    """
    return float(binomtest(lost, lost + won).pvalue) if lost + won else 1.0


def discordant(first: npt.NDArray[np.bool_], second: npt.NDArray[np.bool_]) -> tuple[int, int]:
    """Return how many answers, in the same order, were lost and how many won."""
    return int((first & ~second).sum()), int((~first & second).sum())
