"""EfficientNet-B0 as trained on ImageNet, on small photographs that it enlarges itself."""

from __future__ import annotations

from typing import Any

from slimbench.networks import imagenet_efficientnetb0, keras
from slimbench.networks.edits import edited
from slimbench.networks.transfer_mobilenetv2 import DROPOUT, FEATURES, SIDE

VERSION = 1


def build(input_shape: tuple[int, int, int], classes: int, width: float = 1.0) -> Any:
    """Return the network from raw pixels to logits; it is enlarged first, as Keras centres it."""
    if width != 1.0:
        raise ValueError(
            f"EfficientNet-B0 has no width multiplier here; it was asked for with width {width}."
        )
    layers = keras().layers
    pixels = keras().Input(input_shape, name="pixels")
    enlarged = layers.Resizing(SIDE, SIDE, interpolation="bilinear", name="enlarged")(pixels)
    base = keras().applications.EfficientNetB0(
        weights=None, include_top=False, input_tensor=enlarged
    )
    features = layers.GlobalAveragePooling2D(name=FEATURES)(base.output)
    x = layers.Dropout(DROPOUT, name="dropout")(features)
    model = keras().Model(pixels, layers.Dense(classes, name="logits")(x))
    return edited(model, imagenet_efficientnetb0.with_constant_normalization)
