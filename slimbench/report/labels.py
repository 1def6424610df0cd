"""Placing the names of points so that they neither cover each other nor the points.

Variants of one network share a size or a time to within noise, so their points lie on top of
each other; every name then needs a place of its own and a line to its point.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Truths = npt.NDArray[np.bool_]

DISTANCES = (8.0, 12.5, 19.0, 29.0, 41.0, 56.0, 75.0, 100.0, 130.0)
ANGLES = 24
ROUNDS = 6
MARKER = 7.0
"""Half the width of the square that is kept free around a point."""
GAP = 1.0
"""What is kept free around a name."""


@dataclass(frozen=True, slots=True)
class Area:
    """Where names may stand."""

    left: float
    bottom: float
    right: float
    top: float


def place(points: Floats, sizes: Floats, area: Area) -> Floats:
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
