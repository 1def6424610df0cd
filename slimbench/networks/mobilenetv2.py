"""MobileNetV2 (Sandler et al. 2018) as Keras has it: from scratch, full-size and for transfer."""

from __future__ import annotations

from typing import Any

from slimbench.networks import Architecture, keras
from slimbench.networks.building_blocks import (
    BATCH_NORM_MOMENTUM,
    HALF_RANGE,
    LayerConfig,
    averaged,
    classifier,
    edited,
    enlarged,
    pixels_minus,
    with_new_head,
)
from slimbench.networks.imagenet import Pretrained, Weights, refolded

SMALL_IMAGE = 64
"""Below this many pixels a side, halving the image five times leaves a single position."""

NOT_HALVING = ("block_6", "block_13")
"""The last two halvings, left out for small images: 32x32 then ends at 4x4 instead of 1x1."""

WIDTHS = (0.35, 0.5, 0.75, 1.0, 1.3, 1.4)
SIDES = (96, 128, 160, 192, 224)
"""The widths and sizes that Keras offers weights for."""

TUTORIAL_HIDDEN = 128

ZERO_TO_ONE = HALF_RANGE / 255
"""The first kernel divides by `HALF_RANGE`, since ImageNet's scaling is folded into it; times this,
pixels reach what it was before the folding in [0, 1]."""


def mobilenetv2(input_shape: tuple[int, int, int], classes: int, width: float = 1.0) -> Any:
    """Return it for training from scratch; for images under 64 pixels without two halvings."""
    small = min(input_shape[:2]) < SMALL_IMAGE

    def edit(class_name: str, name: str, config: LayerConfig) -> None:
        if class_name == "BatchNormalization":
            config["momentum"] = BATCH_NORM_MOMENTUM
        if small and name in {f"{block}_pad" for block in NOT_HALVING}:
            config["padding"] = ((1, 1), (1, 1))
        if small and name in {f"{block}_depthwise" for block in NOT_HALVING}:
            config["strides"] = (1, 1)

    return edited(
        classifier(keras().applications.MobileNetV2, input_shape, classes, alpha=width), edit
    )


def imagenet_mobilenetv2(
    input_shape: tuple[int, int, int], classes: int, width: float = 1.0
) -> Any:
    """Return it at full size, from raw pixels to ImageNet's classes."""
    _, centred = pixels_minus((HALF_RANGE, HALF_RANGE, HALF_RANGE), input_shape)
    return keras().applications.MobileNetV2(
        alpha=width,
        weights=None,
        input_tensor=centred,
        input_shape=input_shape,
        classes=classes,
        classifier_activation=None,
    )


def transfer_mobilenetv2(
    input_shape: tuple[int, int, int], classes: int, width: float = 1.0
) -> Any:
    """Return it as trained on ImageNet, for small photographs that it enlarges itself.

    The enlarging and the pixels' range are inside, so it takes the data set's own raw pixels.
    """
    pixels, centred = pixels_minus((HALF_RANGE, HALF_RANGE, HALF_RANGE), input_shape)
    return with_new_head(pixels, _feature_maps(centred, width), classes)


def tutorial_mobilenetv2(
    input_shape: tuple[int, int, int], classes: int, width: float = 1.0
) -> Any:
    """Return it with a new head as most tutorials have it, pixels in [0, 1] instead of [-1, 1].

    That is not what it was trained with. It is here to be compared with, and built as tutorials do.
    """
    layers = keras().layers
    pixels = keras().Input(input_shape, name="pixels")
    rescaled = layers.Rescaling(ZERO_TO_ONE, name="zero_to_one")(pixels)
    features = averaged(_feature_maps(rescaled, width))
    x = layers.Dense(TUTORIAL_HIDDEN, activation="relu", name="hidden")(features)
    return keras().Model(pixels, layers.Dense(classes, name="logits")(x))


def _feature_maps(rescaled: Any, width: float) -> Any:
    """Return what MobileNetV2 makes of enlarged pixels in its range, before averaging."""
    base = keras().applications.MobileNetV2(
        alpha=width, weights=None, include_top=False, input_tensor=enlarged(rescaled)
    )
    return base.output


def _weights_file(input_shape: tuple[int, int, int], width: float) -> str:
    """Return Keras's name for its weights, one file for each width and size."""
    height, breadth, _ = input_shape
    if height != breadth or height not in SIDES or width not in WIDTHS:
        raise ValueError(
            f"There are no weights of MobileNetV2 of width {width} for {height}x{breadth} pixels. "
            f"There are widths {WIDTHS} for squares of {SIDES}."
        )
    return f"mobilenet_v2_weights_tf_dim_ordering_tf_kernels_{float(width)}_{height}.h5"


def _original(
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


def _folded(weights: Weights) -> Weights:
    """Divide in the first kernel."""
    return refolded(weights, "Conv1", scale=(1 / HALF_RANGE, 1 / HALF_RANGE, 1 / HALF_RANGE))


NETWORKS: tuple[Architecture, ...] = (
    Architecture("mobilenetv2", mobilenetv2, version=1),
    Pretrained(
        "imagenet_mobilenetv2",
        imagenet_mobilenetv2,
        version=1,
        weights_file=_weights_file,
        original=_original,
        folded=_folded,
        # Keras's documentation: released under the Apache licence of tensorflow/models.
        licence="Apache-2.0",
    ),
    Architecture("transfer_mobilenetv2", transfer_mobilenetv2, version=1),
    Architecture("tutorial_mobilenetv2", tutorial_mobilenetv2, version=1),
)
