"""MobileNetV2 as trained on ImageNet, on small photographs that it enlarges itself.

The enlarging and the pixels' range are inside, so the model takes the data set's own raw pixels.
"""

from __future__ import annotations

from typing import Any

from slimbench.networks import keras
from slimbench.networks.imagenet import pixels_minus
from slimbench.networks.imagenet_mobilenetv2 import HALF

VERSION = 1

SIDE = 128
"""What a side of the photograph is enlarged to. A layer of logits on what the frozen network makes
of 6,000 CIFAR-10 photographs was right on 67 % of others at 96, 71 % at 128 and 71 % at 160."""

FEATURES = "features"

DROPOUT = 0.2


def build(input_shape: tuple[int, int, int], classes: int, width: float = 1.0) -> Any:
    """Return the network from raw pixels to logits."""
    pixels, centred = pixels_minus((HALF, HALF, HALF), input_shape)
    features = enlarged_features(centred, width)
    layers = keras().layers
    x = layers.Dropout(DROPOUT, name="dropout")(features)
    return keras().Model(pixels, layers.Dense(classes, name="logits")(x))


def enlarged_features(scaled: Any, width: float) -> Any:
    """Return what MobileNetV2 makes of enlarged pixels in its range, averaged over positions."""
    layers = keras().layers
    enlarged = layers.Resizing(SIDE, SIDE, interpolation="bilinear", name="enlarged")(scaled)
    base = keras().applications.MobileNetV2(
        alpha=width, weights=None, include_top=False, input_tensor=enlarged
    )
    return layers.GlobalAveragePooling2D(name=FEATURES)(base.output)
