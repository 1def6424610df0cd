"""Where the level of a series changes.

Stored times of different moments share no conditions: the same file a few minutes apart has been
seen up to 58 % slower. So a single slow run must not make a level, and a level that is found is
what the machine and the model did together, never by itself a verdict on the model.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

SHORTEST_LEVEL = 5
"""Runs of the shortest level; fewer are taken for a disturbance."""

WINDOW = 2 * SHORTEST_LEVEL - 1
"""Runs of the running median: it keeps a step of SHORTEST_LEVEL runs, and nothing shorter."""

PENALTY = 5.0
"""What a further change costs, times log(runs), in variances of the noise.

Yao (1988, Statistics & Probability Letters 6) has 2 for independent normal noise. Of simulated
series of 10 to 1,000 runs without any change, at most 2 in 100 had one marked (with 2: up to 17),
with normal noise, Student's t of 3 degrees, and one run in ten disturbed alike. A step of three
standard deviations was found in 84 of 100 after five runs of a hundred, in 98 after seven. Noise
that is correlated from run to run is marked more often: the machine has levels too.
"""

OUTLIER = 3.0
"""Standard deviations from the running median beyond which a run is taken for disturbed and left
out: Hampel's rule (1974, Journal of the American Statistical Association 69)."""

LEAST_NOISE = 0.01
"""Noise is never taken as less than this share of the value: paired timing of one file in fresh
processes varies by 0.6 % at best, so unpaired timing cannot tell apart what is finer."""

Floats = npt.NDArray[np.float64]


def level_starts(values: Sequence[float], *, exact: bool) -> tuple[int, ...]:
    """Return the index at which each level begins; the first is 0, without values there is none.

    An exact figure changes where its value does. Others are segmented by ruptures' exact PELT
    (Killick, Fearnhead and Eckley 2012) with the squared error around each level's mean, of
    logarithms where all values are positive, so that a step counts by its ratio.
    """
    if not values:
        return ()
    if exact:
        return (0, *(i for i in range(1, len(values)) if values[i] != values[i - 1]))
    if len(values) < 2 * SHORTEST_LEVEL:
        return (0,)
    scaled, noise = _scaled(np.asarray(values, dtype=np.float64))
    if noise == 0:
        return (0,)
    quiet = _without_outliers(scaled, OUTLIER * noise)
    penalty = PENALTY * math.log(len(values))
    edges = [0, *_segment_ends((quiet - np.median(quiet)) / noise, penalty)]
    for i in range(1, len(edges) - 1):
        edges[i] = _refined_start(scaled, (edges[i - 1], edges[i], edges[i + 1]), OUTLIER * noise)
    return tuple(edges[:-1])


def _scaled(values: Floats) -> tuple[Floats, float]:
    """Return the values as they are compared and their noise in the same unit; 0 if all are 0."""
    if (values > 0).all():
        logarithms = np.log(values)
        return logarithms, max(_noise(logarithms), LEAST_NOISE)
    return values, max(_noise(values), LEAST_NOISE * float(np.median(np.abs(values))))


def _without_outliers(values: Floats, threshold: float) -> Floats:
    """Replace disturbed runs, of at least WINDOW, by the median of the others around them."""
    windows = np.lib.stride_tricks.sliding_window_view(values, WINDOW)
    # The first runs share a window, and so do the last.
    nearest = np.clip(np.arange(len(values)) - WINDOW // 2, 0, len(windows) - 1)
    middle = np.median(windows, axis=1)[nearest]
    disturbed = np.abs(values - middle) > threshold
    quiet = values.copy()
    for run in np.flatnonzero(disturbed):
        around = slice(nearest[run], nearest[run] + WINDOW)
        others = values[around][~disturbed[around]]
        quiet[run] = np.median(others) if len(others) else middle[run]
    return quiet


def _segment_ends(signal: Floats, penalty: float) -> list[int]:
    """Return the index behind each segment of the segmentation that costs least."""
    from ruptures import KernelCPD  # noqa: PLC0415 - with half of scipy, most of a second

    found = KernelCPD(kernel="linear", min_size=SHORTEST_LEVEL).fit(signal[:, np.newaxis])
    return [int(end) for end in found.predict(pen=penalty)]


def _refined_start(values: Floats, edges: tuple[int, int, int], threshold: float) -> int:
    """Return the first run of the later of two levels, `edges` being where they seemed to lie.

    A disturbed run beside a step tips the median of those around it and so moves the step by a run
    or two. Both levels being known, it is where the absolute deviations from them are least,
    whatever is far from both left out.
    """
    before, start, stop = edges
    old, new = np.median(values[before:start]), np.median(values[start:stop])
    if old == new:
        return start
    first = max(before + SHORTEST_LEVEL, start - SHORTEST_LEVEL)
    last = min(stop - SHORTEST_LEVEL, start + SHORTEST_LEVEL)
    to_old, to_new = (np.abs(values[first:last] - level) for level in (old, new))
    gains = np.where(np.minimum(to_old, to_new) > threshold, 0.0, to_old - to_new)
    costs = np.concatenate([[0.0], np.cumsum(gains)])
    return last - int(np.argmin(costs[::-1]))


def _noise(values: Floats) -> float:
    """Estimate the standard deviation from run to run, which steps and slow runs barely touch.

    It is the median absolute deviation of successive differences, times 1.4826 for a normal
    distribution, over the square root of 2 for a difference of two.
    """
    steps = np.diff(values)
    return 1.4826 * float(np.median(np.abs(steps - np.median(steps)))) / math.sqrt(2)
