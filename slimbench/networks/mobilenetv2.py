"""Keras's MobileNetV2 (Sandler et al. 2018), for training from scratch on small images."""

from __future__ import annotations

from typing import Any

from slimbench.networks import keras
from slimbench.networks.edits import BATCH_NORM_MOMENTUM, LayerConfig, classifier, edited

VERSION = 1

SMALL_IMAGE = 64
"""Below this many pixels a side, halving the image five times leaves a single position."""

_KEPT_WHOLE = ("block_6", "block_13")
"""The last two halvings, left out for small images: 32x32 then ends at 4x4 instead of 1x1."""


def build(input_shape: tuple[int, int, int], classes: int, width: float = 1.0) -> Any:
    """Return MobileNetV2; for images under 64 pixels without its last two halvings."""
    small = min(input_shape[:2]) < SMALL_IMAGE

    def edit(class_name: str, name: str, config: LayerConfig) -> None:
        if class_name == "BatchNormalization":
            config["momentum"] = BATCH_NORM_MOMENTUM
        if small and name in {f"{block}_pad" for block in _KEPT_WHOLE}:
            config["padding"] = ((1, 1), (1, 1))
        if small and name in {f"{block}_depthwise" for block in _KEPT_WHOLE}:
            config["strides"] = (1, 1)

    return edited(
        classifier(keras().applications.MobileNetV2, input_shape, classes, alpha=width), edit
    )
