"""Keras's ResNet50 (He et al. 2015), for training from scratch."""

from __future__ import annotations

from typing import Any

from slimbench.networks import keras
from slimbench.networks.edits import BATCH_NORM_MOMENTUM, LayerConfig, classifier, edited

VERSION = 1


def build(input_shape: tuple[int, int, int], classes: int, width: float = 1.0) -> Any:
    """Return ResNet50 whose residual blocks start as the identity.

    The last batch-norm scale of each block starts at zero (Goyal et al. 2017, section 5.1),
    which lets so deep a network learn within a few epochs.
    """
    if width != 1.0:
        raise ValueError(f"ResNet50 has no width multiplier; it was asked for with width {width}.")
    return edited(classifier(keras().applications.ResNet50, input_shape, classes), _edit)


def _edit(class_name: str, name: str, config: LayerConfig) -> None:
    if class_name == "BatchNormalization":
        config["momentum"] = BATCH_NORM_MOMENTUM
        if name.endswith("_3_bn"):
            config["gamma_initializer"] = {"class_name": "Zeros", "config": {}}
