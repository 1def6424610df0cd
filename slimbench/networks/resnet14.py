"""ResNet-14 after He et al. 2015, section 4.2: 6n + 2 layers, n = 2, on images of 32x32 pixels.

About 473,000 parameters at width 1, which in int8 stays under half a megabyte, at five and a half
times the multiplications of ResNet-8.
"""

from __future__ import annotations

from typing import Any

from slimbench.networks import residual

VERSION = 1

STEM = 24
STACKS = ((24, 1), (24, 1), (56, 2), (56, 1), (104, 2), (104, 1))


def build(input_shape: tuple[int, int, int], classes: int, width: float = 1.0) -> Any:
    """Return six residual blocks, two at each image size; `width` multiplies their channels."""
    stacks = tuple((int(channels * width), stride) for channels, stride in STACKS)
    return residual.classifier(input_shape, classes, int(STEM * width), stacks)
