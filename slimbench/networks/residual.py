"""Residual blocks of two 3x3 convolutions (He et al. 2015), for small networks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from slimbench.networks import keras
from slimbench.networks.edits import BATCH_NORM_MOMENTUM

HALF = 127.5
"""Pixels are brought to [-1, 1]."""

Stack = tuple[int, int]
"""(channels, stride) of one block."""


def classifier(
    input_shape: tuple[int, int, int], classes: int, stem: int, stacks: Sequence[Stack]
) -> Any:
    """Return a network of a first convolution, one block a stack, and a layer of logits."""
    layers = keras().layers

    def convolved(x: Any, channels: int, size: int, stride: int, name: str) -> Any:
        x = layers.Conv2D(
            channels, size, strides=stride, padding="same", use_bias=False, name=name
        )(x)
        return layers.BatchNormalization(momentum=BATCH_NORM_MOMENTUM, name=f"{name}_bn")(x)

    pixels = keras().Input(input_shape, name="pixels")
    x = layers.Rescaling(1 / HALF, offset=-1.0, name="rescaling")(pixels)
    x = layers.ReLU(name="stem_relu")(convolved(x, stem, 3, 1, "stem"))
    before = stem
    for number, (channels, stride) in enumerate(stacks, 1):
        name = f"block_{number}"
        y = convolved(x, channels, 3, stride, f"{name}_first")
        y = layers.ReLU(name=f"{name}_first_relu")(y)
        y = convolved(y, channels, 3, 1, f"{name}_second")
        if stride != 1 or channels != before:
            x = convolved(x, channels, 1, stride, f"{name}_shortcut")
        x = layers.ReLU(name=f"{name}_relu")(layers.Add(name=f"{name}_add")([x, y]))
        before = channels
    x = layers.GlobalAveragePooling2D(name="average")(x)
    return keras().Model(pixels, layers.Dense(classes, name="logits")(x))
