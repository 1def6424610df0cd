"""EfficientNet-B0 (Tan and Le 2019) as Keras has it: full-size and for transfer.

Keras's own has its preprocessing inside, in four operations: a division by 255, the mean and the
variance that its weights file holds and, only where Keras itself loads that file, a division by
the root of the standard deviation, since what the file calls variance is the standard deviation.
Here they are one subtraction and a factor in the first kernel.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from slimbench.networks import Architecture, keras
from slimbench.networks.building_blocks import (
    LayerConfig,
    check_width,
    edited,
    enlarged,
    with_new_head,
)
from slimbench.networks.imagenet import Pretrained, Weights, refolded

MEAN = (0.485, 0.456, 0.406)
STANDARD_DEVIATION = (0.229, 0.224, 0.225)
"""Of ImageNet's R, G and B, pixels in [0, 1]."""

_RESCALING, _NORMALIZATION = "rescaling", "normalization"
"""Keras's names for the first two layers."""


def imagenet_efficientnetb0(
    input_shape: tuple[int, int, int], classes: int, width: float = 1.0
) -> Any:
    """Return EfficientNet-B0 at full size, from raw pixels to ImageNet's classes."""
    _check_width(width)
    pixels = keras().Input(input_shape, name="pixels")
    model = keras().applications.EfficientNetB0(
        weights=None, input_tensor=pixels, classes=classes, classifier_activation=None
    )
    return edited(model, _with_constant_normalization)


def transfer_efficientnetb0(
    input_shape: tuple[int, int, int], classes: int, width: float = 1.0
) -> Any:
    """Return it as trained on ImageNet, for small photographs that it enlarges itself.

    They are enlarged first, since Keras's own network is what subtracts the mean.
    """
    _check_width(width)
    pixels = keras().Input(input_shape, name="pixels")
    base = keras().applications.EfficientNetB0(
        weights=None, include_top=False, input_tensor=enlarged(pixels)
    )
    return edited(with_new_head(pixels, base.output, classes), _with_constant_normalization)


def _with_constant_normalization(
    class_name: str,  # noqa: ARG001 - what `edited` calls
    name: str,
    config: LayerConfig,
) -> None:
    """Fold the preprocessing layers of the configuration into one subtraction; see `_folded`."""
    if name == _RESCALING:
        config["scale"] = 1.0
        config["offset"] = [-255.0 * mean for mean in MEAN]
    if name == _NORMALIZATION:  # with constants it has no weights, and converting removes it
        config["mean"], config["variance"] = [0.0] * 3, [1.0] * 3


def _weights_file(input_shape: tuple[int, int, int], width: float) -> str:  # noqa: ARG001
    """Return Keras's name for its weights, which fit any size."""
    _check_width(width)
    return "efficientnetb0.h5"


def _original(
    input_shape: tuple[int, int, int], classes: int, width: float, weights: str | None
) -> Any:
    """Return Keras's own."""
    _check_width(width)
    return keras().applications.EfficientNetB0(
        weights=weights, input_shape=input_shape, classes=classes, classifier_activation=None
    )


def _folded(weights: Weights) -> Weights:
    """Divide in the first kernel by what the file's normalisation divides by.

    Raises ValueError where the file subtracts another mean than ImageNet's.
    """
    mean, variance, *_ = weights[_NORMALIZATION]
    if not np.allclose(mean.ravel(), MEAN, atol=1e-3):
        raise ValueError(f"it normalises with the mean {mean.ravel()}, not {MEAN}")
    divisors = 255.0 * np.sqrt(variance.ravel().astype(np.float64) * STANDARD_DEVIATION)
    others = {name: arrays for name, arrays in weights.items() if name != _NORMALIZATION}
    return refolded(others, "stem_conv", scale=tuple(1 / divisors))


def _check_width(width: float) -> None:
    check_width(width, "EfficientNet-B0 has no width multiplier here")


NETWORKS: tuple[Architecture, ...] = (
    Pretrained(
        "imagenet_efficientnetb0",
        imagenet_efficientnetb0,
        version=1,
        weights_file=_weights_file,
        original=_original,
        folded=_folded,
        # Keras's documentation names none. The file was converted from the authors' checkpoints,
        # whose code (tensorflow/tpu, models/official/efficientnet) is under Apache-2.0.
        licence="Apache-2.0",
    ),
    Architecture("transfer_efficientnetb0", transfer_efficientnetb0, version=1),
)
