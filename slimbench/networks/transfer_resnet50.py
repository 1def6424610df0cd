"""ResNet50 as trained on ImageNet, on small photographs that it enlarges itself."""

from __future__ import annotations

from typing import Any

from slimbench.networks import keras
from slimbench.networks.imagenet import pixels_minus
from slimbench.networks.imagenet_resnet50 import MEAN
from slimbench.networks.transfer_mobilenetv2 import DROPOUT, FEATURES

VERSION = 1

SIDE = 96
"""What a side of the photograph is enlarged to: three quarters of MobileNetV2's, since at equal
size it computes ten times as much."""


def build(input_shape: tuple[int, int, int], classes: int, width: float = 1.0) -> Any:
    """Return the network from raw pixels to logits."""
    if width != 1.0:
        raise ValueError(f"ResNet50 has no width multiplier; it was asked for with width {width}.")
    layers = keras().layers
    pixels, centred = pixels_minus(MEAN, input_shape)
    enlarged = layers.Resizing(SIDE, SIDE, interpolation="bilinear", name="enlarged")(centred)
    base = keras().applications.ResNet50(weights=None, include_top=False, input_tensor=enlarged)
    features = layers.GlobalAveragePooling2D(name=FEATURES)(base.output)
    x = layers.Dropout(DROPOUT, name="dropout")(features)
    return keras().Model(pixels, layers.Dense(classes, name="logits")(x))
