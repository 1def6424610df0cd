"""SqueezeNet 1.1 (Iandola et al. 2016): full-size and for transfer.

Keras has none; this one is after the paper and its authors' version 1.1, which has the accuracy of
the first at 2.4 times less computation: a stem of 64 3x3 filters and earlier pooling. Layers are
named as its authors name them, so that weights converted from theirs fit.
"""

from __future__ import annotations

from typing import Any

from slimbench.networks import Architecture, keras
from slimbench.networks.building_blocks import check_width, enlarged, pixels_minus, with_new_head
from slimbench.networks.imagenet import Pretrained, Weights, refolded

MEAN = (123.0, 117.0, 104.0)
"""ImageNet's mean R, G and B, whole; the network was trained on B, G, R less these."""

_FIRES = (
    (("fire2", 16), ("fire3", 16)),
    (("fire4", 32), ("fire5", 32)),
    (("fire6", 48), ("fire7", 48), ("fire8", 64), ("fire9", 64)),
)
"""Name and squeezed channels of each module, a pooling before each group."""

_LAST_FIRE = "fire9_concat"
"""The output of the last fire module."""

EXPANSION = 4
"""Each of a module's two expansions has this many times its squeezed channels."""

DROPOUT = 0.5


def imagenet_squeezenet(input_shape: tuple[int, int, int], classes: int, width: float = 1.0) -> Any:
    """Return SqueezeNet 1.1 at full size, from raw pixels to ImageNet's classes."""
    _check_width(width)
    pixels, centred = pixels_minus(MEAN, input_shape)
    return keras().Model(pixels, _logits(centred, classes), name="squeezenet1_1")


def transfer_squeezenet(input_shape: tuple[int, int, int], classes: int, width: float = 1.0) -> Any:
    """Return it as trained on ImageNet, for small photographs that it enlarges itself.

    Its own last layer, a convolution to ImageNet's 1,000 classes, is replaced by a layer of logits
    on the averaged features, as with the other networks.
    """
    _check_width(width)
    pixels, centred = pixels_minus(MEAN, input_shape)
    whole = keras().Model(pixels, _logits(enlarged(centred), 1))
    return with_new_head(pixels, whole.get_layer(_LAST_FIRE).output, classes)


def _logits(centred: Any, classes: int) -> Any:
    """Return the network's output for centred pixels, before the softmax."""
    layers = keras().layers
    x = layers.Conv2D(64, 3, strides=2, activation="relu", name="conv1")(centred)
    # Caffe, which it was trained in, rounds a pooled size up where Keras rounds it down.
    for group, (name, padding) in zip(
        _FIRES, (("pool1", "valid"), ("pool3", "same"), ("pool5", "same")), strict=True
    ):
        x = layers.MaxPooling2D(3, strides=2, padding=padding, name=name)(x)
        for fire, squeezed in group:
            x = _fire(x, fire, squeezed)
    x = layers.Dropout(DROPOUT, name="dropout")(x)
    x = layers.Conv2D(classes, 1, activation="relu", name="conv10")(x)
    return layers.GlobalAveragePooling2D(name="avgpool10")(x)


def _fire(x: Any, name: str, squeezed: int) -> Any:
    """Add a fire module: a squeeze to few channels, then two expansions side by side."""
    layers = keras().layers
    x = layers.Conv2D(squeezed, 1, activation="relu", name=f"{name}_squeeze1x1")(x)
    expanded = [
        layers.Conv2D(
            EXPANSION * squeezed,
            side,
            padding="same",
            activation="relu",
            name=f"{name}_expand{side}x{side}",
        )(x)
        for side in (1, 3)
    ]
    return layers.Concatenate(name=f"{name}_concat")(expanded)


def _weights_file(input_shape: tuple[int, int, int], width: float) -> str:  # noqa: ARG001
    """Return the usual name of its weights, which fit any size."""
    _check_width(width)
    return "squeezenet1_1_imagenet.h5"


def _original(
    input_shape: tuple[int, int, int], classes: int, width: float, weights: str | None
) -> Any:
    """Return it as it was trained: it takes centred B, G, R. Keras has no weights of it."""
    _check_width(width)
    if weights is not None:
        raise ValueError("Keras offers no weights of SqueezeNet.")
    centred = keras().Input(input_shape, name="centred_bgr")
    return keras().Model(centred, _logits(centred, classes), name="squeezenet1_1")


def _folded(weights: Weights) -> Weights:
    """Put the first kernel's channels in the order R, G, B."""
    return refolded(weights, "conv1", bgr=True)


def _check_width(width: float) -> None:
    check_width(width, "SqueezeNet has no width multiplier here")


NETWORKS: tuple[Architecture, ...] = (
    Pretrained(
        "imagenet_squeezenet",
        imagenet_squeezenet,
        version=1,
        weights_file=_weights_file,
        original=_original,
        folded=_folded,
        licence=None,  # Keras offers no weights; whoever brings a file knows its licence
    ),
    Architecture("transfer_squeezenet", transfer_squeezenet, version=1),
)
