"""Telling a model that is fed the wrong way: it is right about as often as guessing is."""

from __future__ import annotations

from collections.abc import Sequence

TIMES_CHANCE = 2.0
SHARE_ABOVE = 0.1
"""A model is that bad up to twice as often right as guessing is, where that is little, or up to a
tenth of the way from guessing to being always right, where classes are few."""


def is_near_chance(interval: Sequence[float], classes: int) -> bool:
    """Tell whether an accuracy, with this 95 % interval, may be no better than guessing.

    Either guessing, which is right once in `classes` times, lies within the interval, or all of
    the interval is hardly better.
    """
    low, high = interval
    guessing = 1 / classes
    hardly_better = min(TIMES_CHANCE * guessing, guessing + SHARE_ABOVE * (1 - guessing))
    return low <= guessing <= high or high < hardly_better


def near_chance(model: str, share: float, classes: int, pixels: str) -> str:
    """Warn that a user's model does hardly better than guessing among its classes."""
    return (
        f"{model} is right on {share:.1%} of the images, about as often as guessing among "
        f"{classes:,} classes: it may expect other pixels than {pixels} (--pixels) or have its "
        "classes in another order (--labels)."
    )
