"""McNemar's exact test (1947) of two models' answers on the same images.

Only images count that one of the two alone got right: if neither is better, each of them is as
likely the one's as the other's, so that their numbers are binomial with probability 1/2.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.stats import binomtest


def discordant(first: npt.NDArray[np.bool_], second: npt.NDArray[np.bool_]) -> tuple[int, int]:
    """Return how many images `first` alone got right, and how many `second` alone."""
    return int((first & ~second).sum()), int((~first & second).sum())


def mcnemar(
    first: int, second: int, alternative: Literal["two-sided", "greater"] = "two-sided"
) -> float:
    """Return the exact p of as many images that one model alone got right; 1 without any.

    `greater` asks whether `first` is too many for the two to be alike, `two-sided` whether either
    is.
    """
    if not first + second:
        return 1.0
    return float(binomtest(first, first + second, alternative=alternative).pvalue)
