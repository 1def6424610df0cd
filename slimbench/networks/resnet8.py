"""ResNet-8, the size of MLPerf Tiny's image classification: about 79,000 parameters at width 1."""

from __future__ import annotations

from typing import Any

from slimbench.networks import residual

VERSION = 1

CHANNELS = 16


def build(input_shape: tuple[int, int, int], classes: int, width: float = 1.0) -> Any:
    """Return three residual blocks; `width` multiplies their channels."""
    first = max(4, int(CHANNELS * width))
    stacks = ((first, 1), (2 * first, 2), (4 * first, 2))
    return residual.classifier(input_shape, classes, first, stacks)
