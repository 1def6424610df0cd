"""Residual networks (He et al. 2015), small ones for images of 32x32 pixels and ResNet50."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from slimbench.networks import Architecture, keras
from slimbench.networks.building_blocks import (
    BATCH_NORM_MOMENTUM,
    LayerConfig,
    check_width,
    classifier,
    edited,
    enlarged,
    pixels_in_unit_range,
    pixels_minus,
    with_new_head,
)
from slimbench.networks.imagenet import Pretrained, Weights, refolded

RESNET8_CHANNELS = 16

RESNET14_STEM = 24
RESNET14_BLOCKS = ((24, 1), (24, 1), (56, 2), (56, 1), (104, 2), (104, 1))
"""(channels, stride) of each block."""

RESNET8EARLY_STEM = 16
RESNET8EARLY_BLOCKS = ((48, 2), (96, 2), (128, 2))

IMAGENET_MEAN = (123.68, 116.779, 103.939)
"""ImageNet's mean R, G and B; ResNet50 was trained on B, G, R less these."""

RESNET50_ENLARGED_SIDE = 96
"""What a side of a small photograph is enlarged to for ResNet50: three quarters of MobileNetV2's,
since at equal size it computes ten times as much."""


def resnet8(input_shape: tuple[int, int, int], classes: int, width: float = 1.0) -> Any:
    """Return ResNet-8, the size of MLPerf Tiny's image classification: about 79,000 parameters.

    Three residual blocks; `width` multiplies their channels.
    """
    first = max(4, int(RESNET8_CHANNELS * width))
    blocks = ((first, 1), (2 * first, 2), (4 * first, 2))
    return _residual_network(input_shape, classes, first, blocks)


def resnet14(input_shape: tuple[int, int, int], classes: int, width: float = 1.0) -> Any:
    """Return ResNet-14 after He et al. 2015, section 4.2: 6n + 2 layers, n = 2.

    Six residual blocks, two at each image size; `width` multiplies their channels. About 473,000
    parameters at width 1, which in int8 stays under half a megabyte, at five and a half times the
    multiplications of ResNet-8.
    """
    blocks = tuple((int(channels * width), stride) for channels, stride in RESNET14_BLOCKS)
    return _residual_network(input_shape, classes, int(RESNET14_STEM * width), blocks)


def resnet8early(input_shape: tuple[int, int, int], classes: int, width: float = 1.0) -> Any:
    """Return a ResNet-8 that halves the image one block earlier, with more channels for the time.

    Three residual blocks, each of which halves the image; `width` multiplies their channels. About
    433,000 parameters at width 1, which in int8 is just under half a megabyte, at about the
    multiplications of ResNet-8 in twice the width.
    """
    blocks = tuple((int(channels * width), stride) for channels, stride in RESNET8EARLY_BLOCKS)
    return _residual_network(input_shape, classes, int(RESNET8EARLY_STEM * width), blocks)


def resnet50(input_shape: tuple[int, int, int], classes: int, width: float = 1.0) -> Any:
    """Return Keras's ResNet50 for training from scratch; its blocks start as the identity.

    The last batch-norm scale of each block starts at zero (Goyal et al. 2017, section 5.1),
    which lets so deep a network learn within a few epochs.
    """
    _check_width(width)
    return edited(classifier(keras().applications.ResNet50, input_shape, classes), _for_scratch)


def imagenet_resnet50(input_shape: tuple[int, int, int], classes: int, width: float = 1.0) -> Any:
    """Return Keras's ResNet50 at full size, from raw pixels to ImageNet's classes."""
    _check_width(width)
    _, centred = pixels_minus(IMAGENET_MEAN, input_shape)
    return keras().applications.ResNet50(
        weights=None,
        input_tensor=centred,
        input_shape=input_shape,
        classes=classes,
        classifier_activation=None,
    )


def transfer_resnet50(input_shape: tuple[int, int, int], classes: int, width: float = 1.0) -> Any:
    """Return ResNet50 as trained on ImageNet, for small photographs that it enlarges itself."""
    _check_width(width)
    pixels, centred = pixels_minus(IMAGENET_MEAN, input_shape)
    images = enlarged(centred, RESNET50_ENLARGED_SIDE)
    base = keras().applications.ResNet50(weights=None, include_top=False, input_tensor=images)
    return with_new_head(pixels, base.output, classes)


def _residual_network(
    input_shape: tuple[int, int, int], classes: int, stem: int, blocks: Sequence[tuple[int, int]]
) -> Any:
    """Return a network of a first convolution, residual blocks and a layer of logits.

    Each block, given as (channels, stride), has two 3x3 convolutions; `stem` are the channels of
    the first convolution.
    """
    layers = keras().layers

    def convolved(x: Any, channels: int, size: int, stride: int, name: str) -> Any:
        x = layers.Conv2D(
            channels, size, strides=stride, padding="same", use_bias=False, name=name
        )(x)
        return layers.BatchNormalization(momentum=BATCH_NORM_MOMENTUM, name=f"{name}_bn")(x)

    pixels, x = pixels_in_unit_range(input_shape)
    x = layers.ReLU(name="stem_relu")(convolved(x, stem, 3, 1, "stem"))
    before = stem
    for number, (channels, stride) in enumerate(blocks, 1):
        name = f"block_{number}"
        y = convolved(x, channels, 3, stride, f"{name}_first")
        y = layers.ReLU(name=f"{name}_first_relu")(y)
        y = convolved(y, channels, 3, 1, f"{name}_second")
        if stride != 1 or channels != before:
            x = convolved(x, channels, 1, stride, f"{name}_shortcut")
        x = layers.ReLU(name=f"{name}_relu")(layers.Add(name=f"{name}_add")([x, y]))
        before = channels
    x = layers.GlobalAveragePooling2D(name="average")(x)
    return keras().Model(pixels, layers.Dense(classes, name="logits")(x))


def _for_scratch(class_name: str, name: str, config: LayerConfig) -> None:
    if class_name == "BatchNormalization":
        config["momentum"] = BATCH_NORM_MOMENTUM
        if name.endswith("_3_bn"):
            config["gamma_initializer"] = {"class_name": "Zeros", "config": {}}


def _weights_file(input_shape: tuple[int, int, int], width: float) -> str:  # noqa: ARG001
    """Return Keras's name for ResNet50's weights, which fit any size."""
    _check_width(width)
    return "resnet50_weights_tf_dim_ordering_tf_kernels.h5"


def _original(
    input_shape: tuple[int, int, int], classes: int, width: float, weights: str | None
) -> Any:
    """Return Keras's own ResNet50, which takes centred B, G, R."""
    _check_width(width)
    return keras().applications.ResNet50(
        weights=weights, input_shape=input_shape, classes=classes, classifier_activation=None
    )


def _folded(weights: Weights) -> Weights:
    """Put the first kernel's channels in the order R, G, B."""
    return refolded(weights, "conv1_conv", bgr=True)


def _check_width(width: float) -> None:
    check_width(width, "ResNet50 has no width multiplier")


NETWORKS: tuple[Architecture, ...] = (
    Architecture("resnet8", resnet8, version=1),
    Architecture("resnet14", resnet14, version=1),
    Architecture("resnet8early", resnet8early, version=1),
    Architecture("resnet50", resnet50, version=1),
    Pretrained(
        "imagenet_resnet50",
        imagenet_resnet50,
        version=1,
        weights_file=_weights_file,
        original=_original,
        folded=_folded,
        # Keras's documentation: ported from Kaiming He's own (KaimingHe/deep-residual-networks).
        licence="MIT",
    ),
    Architecture("transfer_resnet50", transfer_resnet50, version=1),
)
