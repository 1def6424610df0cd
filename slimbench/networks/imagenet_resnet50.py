"""Keras's ResNet50 (He et al. 2015) at full size, from raw pixels to ImageNet's classes."""

from __future__ import annotations

from typing import Any

from slimbench.networks import keras
from slimbench.networks.imagenet import Weights, pixels_minus, refolded

VERSION = 1

LICENCE = "MIT"
"""Keras's documentation: ported from Kaiming He's own (KaimingHe/deep-residual-networks), MIT."""

MEAN = (123.68, 116.779, 103.939)
"""ImageNet's mean R, G and B; the network was trained on B, G, R less these."""


def build(input_shape: tuple[int, int, int], classes: int, width: float = 1.0) -> Any:
    """Return ResNet50 from raw pixels to logits."""
    _check(width)
    _, centred = pixels_minus(MEAN, input_shape)
    return keras().applications.ResNet50(
        weights=None,
        input_tensor=centred,
        input_shape=input_shape,
        classes=classes,
        classifier_activation=None,
    )


def weights_file(input_shape: tuple[int, int, int], width: float) -> str:  # noqa: ARG001
    """Return Keras's name for its weights, which fit any size."""
    _check(width)
    return "resnet50_weights_tf_dim_ordering_tf_kernels.h5"


def original(
    input_shape: tuple[int, int, int], classes: int, width: float, weights: str | None
) -> Any:
    """Return Keras's own, which takes centred B, G, R."""
    _check(width)
    return keras().applications.ResNet50(
        weights=weights, input_shape=input_shape, classes=classes, classifier_activation=None
    )


def folded(weights: Weights) -> Weights:
    """Put the first kernel's channels in the order R, G, B."""
    return refolded(weights, "conv1_conv", bgr=True)


def _check(width: float) -> None:
    if width != 1.0:
        raise ValueError(f"ResNet50 has no width multiplier; it was asked for with width {width}.")
