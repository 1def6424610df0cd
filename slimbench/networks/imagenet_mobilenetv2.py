"""Keras's MobileNetV2 (Sandler et al. 2018) at full size, from raw pixels to ImageNet's classes."""

from __future__ import annotations

from typing import Any

from slimbench.networks import keras
from slimbench.networks.imagenet import Weights, pixels_minus, refolded

VERSION = 1

LICENCE = "Apache-2.0"
"""Keras's documentation: released under the Apache licence of tensorflow/models."""

HALF = 127.5
"""The network was trained on pixels in [-1, 1]: less this, then divided by it."""

WIDTHS = (0.35, 0.5, 0.75, 1.0, 1.3, 1.4)
SIDES = (96, 128, 160, 192, 224)
"""The widths and sizes that Keras offers weights for."""


def build(input_shape: tuple[int, int, int], classes: int, width: float = 1.0) -> Any:
    """Return MobileNetV2 from raw pixels to logits."""
    _, centred = pixels_minus((HALF, HALF, HALF), input_shape)
    return keras().applications.MobileNetV2(
        alpha=width,
        weights=None,
        input_tensor=centred,
        input_shape=input_shape,
        classes=classes,
        classifier_activation=None,
    )


def weights_file(input_shape: tuple[int, int, int], width: float) -> str:
    """Return Keras's name for its weights, one file for each width and size."""
    height, breadth, _ = input_shape
    if height != breadth or height not in SIDES or width not in WIDTHS:
        raise ValueError(
            f"There are no weights of MobileNetV2 of width {width} for {height}x{breadth} pixels. "
            f"There are widths {WIDTHS} for squares of {SIDES}."
        )
    return f"mobilenet_v2_weights_tf_dim_ordering_tf_kernels_{float(width)}_{height}.h5"


def original(
    input_shape: tuple[int, int, int], classes: int, width: float, weights: str | None
) -> Any:
    """Return Keras's own, which takes pixels in [-1, 1]."""
    return keras().applications.MobileNetV2(
        alpha=width,
        weights=weights,
        input_shape=input_shape,
        classes=classes,
        classifier_activation=None,
    )


def folded(weights: Weights) -> Weights:
    """Divide in the first kernel."""
    return refolded(weights, "Conv1", scale=(1 / HALF, 1 / HALF, 1 / HALF))
