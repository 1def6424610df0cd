"""Which models are worth a choice: those that no other beats in everything."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Tradeoff(NamedTuple):
    """What a model costs and gives; size and time are better smaller, accuracy larger."""

    size: float
    time: float
    accuracy: float


def on_front(points: Sequence[Tradeoff]) -> list[bool]:
    """Say for each point whether it is on the Pareto front.

    A point is dominated if another is at least as good in size, time and accuracy and better in
    one of them; equal points do not dominate each other. Compares all pairs: n is a few dozen.
    """
    if not points:
        return []
    costs = np.array([(point.size, point.time, -point.accuracy) for point in points])
    no_worse = (costs[:, None, :] <= costs[None, :, :]).all(axis=2)
    better = (costs[:, None, :] < costs[None, :, :]).any(axis=2)
    dominated = np.asarray((no_worse & better).any(axis=0)).tolist()
    return [not one for one in dominated]
