"""MobileNetV2 with a new head as most tutorials have it, pixels in [0, 1] instead of [-1, 1].

That is not what it was trained with. It is here to be compared with, and built as tutorials do.
"""

from __future__ import annotations

from typing import Any

from slimbench.networks import keras
from slimbench.networks.imagenet_mobilenetv2 import HALF
from slimbench.networks.transfer_mobilenetv2 import enlarged_features

VERSION = 1

HIDDEN = 128

ZERO_TO_ONE = HALF / 255
"""The first kernel divides by `HALF` since ImageNet's scaling is folded into it; times this, pixels
reach what it was before the folding in [0, 1]."""


def build(input_shape: tuple[int, int, int], classes: int, width: float = 1.0) -> Any:
    """Return the network from raw pixels to logits."""
    layers = keras().layers
    pixels = keras().Input(input_shape, name="pixels")
    features = enlarged_features(layers.Rescaling(ZERO_TO_ONE, name="zero_to_one")(pixels), width)
    x = layers.Dense(HIDDEN, activation="relu", name="hidden")(features)
    return keras().Model(pixels, layers.Dense(classes, name="logits")(x))
