"""How sure a model is, and when that is too little to be believed.

A model's scores may be probabilities already or logits, which every network of the suite gives.
The scripts of the page do the same as this module (`static/confidence.js`), with its limits.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Scores = npt.NDArray[np.floating]
"""One score a class, shape (classes,), as a model gives them."""

Shares = npt.NDArray[np.float64]
"""One share a class, shape (classes,), each in [0, 1], summing to 1."""

SUM_TOLERANCE = 0.05
"""How far from 1 probabilities may sum up: those of an int8 output are steps of 1/256."""

LOW_SHARE = 0.5
"""A best class with less than this is no answer: the model gives more to all others together."""

LOW_LEAD = 0.2
"""Nor is one that is ahead of the second by less than this: the two are confused."""


def shares(scores: Scores) -> Shares:
    """Return scores as shares: as they are if they are probabilities, else their softmax."""
    wide = scores.astype(np.float64)
    if wide.min() >= 0 and wide.max() <= 1 and abs(wide.sum() - 1) <= SUM_TOLERANCE:
        return wide
    powers = np.exp(wide - wide.max())
    result: Shares = powers / powers.sum()
    return result


def is_low(found: Shares) -> bool:
    """Say whether an answer has to be called unsure, by LOW_SHARE and LOW_LEAD."""
    ordered = np.sort(found)[::-1]
    lead = ordered[0] - ordered[1] if len(ordered) > 1 else 1.0
    return bool(ordered[0] < LOW_SHARE or lead < LOW_LEAD)
