"""Keras's EfficientNet-B0 (Tan and Le 2019) at full size, from raw pixels to ImageNet's classes.

Keras's own has its preprocessing inside, in four operations: a division by 255, the mean and the
variance that its weights file holds and, only where Keras itself loads that file, a division by
the root of the standard deviation, since what the file calls variance is the standard deviation.
Here they are one subtraction and a factor in the first kernel.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from slimbench.networks import keras
from slimbench.networks.edits import LayerConfig, edited
from slimbench.networks.imagenet import Weights, refolded

VERSION = 1

LICENCE = "Apache-2.0"
"""Keras's documentation names none. The file was converted from the authors' checkpoints, whose
code (tensorflow/tpu, models/official/efficientnet) is under Apache-2.0."""

MEAN = (0.485, 0.456, 0.406)
STANDARD_DEVIATION = (0.229, 0.224, 0.225)
"""Of ImageNet's R, G and B, pixels in [0, 1]."""

_RESCALING, _NORMALIZATION = "rescaling", "normalization"
"""Keras's names for the first two layers."""


def build(input_shape: tuple[int, int, int], classes: int, width: float = 1.0) -> Any:
    """Return EfficientNet-B0 from raw pixels to logits."""
    _check(width)
    pixels = keras().Input(input_shape, name="pixels")
    ready_made = keras().applications.EfficientNetB0(
        weights=None, input_tensor=pixels, classes=classes, classifier_activation=None
    )
    return edited(ready_made, with_constant_normalization)


def with_constant_normalization(
    class_name: str,  # noqa: ARG001 - what `edited` calls
    name: str,
    config: LayerConfig,
) -> None:
    """Fold the preprocessing layers of the configuration into one subtraction; see `folded`."""
    if name == _RESCALING:
        config["scale"] = 1.0
        config["offset"] = [-255.0 * mean for mean in MEAN]
    if name == _NORMALIZATION:  # with constants it has no weights, and converting removes it
        config["mean"], config["variance"] = [0.0] * 3, [1.0] * 3


def weights_file(input_shape: tuple[int, int, int], width: float) -> str:  # noqa: ARG001
    """Return Keras's name for its weights, which fit any size."""
    _check(width)
    return "efficientnetb0.h5"


def original(
    input_shape: tuple[int, int, int], classes: int, width: float, weights: str | None
) -> Any:
    """Return Keras's own."""
    _check(width)
    return keras().applications.EfficientNetB0(
        weights=weights, input_shape=input_shape, classes=classes, classifier_activation=None
    )


def folded(weights: Weights) -> Weights:
    """Divide in the first kernel by what the file's normalisation divides by.

    Raises ValueError where the file subtracts another mean than ImageNet's.
    """
    mean, variance, *_ = weights[_NORMALIZATION]
    if not np.allclose(mean.ravel(), MEAN, atol=1e-3):
        raise ValueError(f"it normalises with the mean {mean.ravel()}, not {MEAN}")
    divisors = 255.0 * np.sqrt(variance.ravel().astype(np.float64) * STANDARD_DEVIATION)
    kept = {name: arrays for name, arrays in weights.items() if name != _NORMALIZATION}
    return refolded(kept, "stem_conv", scale=tuple(1 / divisors))


def _check(width: float) -> None:
    if width != 1.0:
        raise ValueError(
            f"EfficientNet-B0 has no width multiplier here; it was asked for with width {width}."
        )
