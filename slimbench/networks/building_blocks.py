"""Parts that several architectures share: preprocessing, edits of Keras's networks, heads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from slimbench.networks import keras

LayerConfig = dict[str, Any]

HALF_RANGE = 127.5
"""Pixels less this, then divided by it, are in [-1, 1]."""

BATCH_NORM_MOMENTUM = 0.9
"""Keras's 0.99 and MobileNetV2's 0.999 need hundreds of steps before the moving averages are
right; a short training ends before that and the model then scores far below what it learned."""

ENLARGED_SIDE = 128
"""What a side of a small photograph is enlarged to for a network trained on ImageNet. A layer of
logits on what the frozen MobileNetV2 makes of 6,000 CIFAR-10 photographs was right on 67 % of
others at 96, 71 % at 128 and 71 % at 160."""

FEATURES = "features"
"""The layer that averages a pretrained network's feature maps over positions."""

DROPOUT = 0.2


def pixels_in_unit_range(input_shape: tuple[int, int, int]) -> tuple[Any, Any]:
    """Return an input of raw pixels, and it rescaled to [-1, 1]."""
    pixels = keras().Input(input_shape, name="pixels")
    rescaling = keras().layers.Rescaling(1 / HALF_RANGE, offset=-1.0, name="rescaling")
    return pixels, rescaling(pixels)


def pixels_minus(mean: Sequence[float], input_shape: tuple[int, int, int]) -> tuple[Any, Any]:
    """Return an input of raw RGB pixels, and it less the mean pixel, also in RGB."""
    pixels = keras().Input(input_shape, name="pixels")
    offset = tuple(-value for value in mean)
    return pixels, keras().layers.Rescaling(1.0, offset=offset, name="centred")(pixels)


def edited(model: Any, edit: Callable[[str, str, LayerConfig], None]) -> Any:
    """Return a fresh model whose layers' (class name, name, configuration) went through `edit`."""
    config = model.get_config()
    for layer in config["layers"]:
        edit(layer["class_name"], layer["config"]["name"], layer["config"])
    return keras().Model.from_config(config)


def classifier(
    application: Callable[..., Any], input_shape: tuple[int, int, int], classes: int, **options: Any
) -> Any:
    """Put one of Keras's applications between a rescaling to [-1, 1] and a layer of logits.

    [-1, 1] is what MobileNetV2 was designed for; ResNet50 trains well from scratch in it too.
    """
    _, rescaled = pixels_in_unit_range(input_shape)
    base = application(
        weights=None, include_top=False, input_tensor=rescaled, pooling="avg", **options
    )
    logits = keras().layers.Dense(classes, name="logits")(base.output)
    return keras().Model(base.inputs, logits)


def enlarged(pixels: Any, side: int = ENLARGED_SIDE) -> Any:
    """Return images resized to `side` x `side` pixels."""
    return keras().layers.Resizing(side, side, interpolation="bilinear", name="enlarged")(pixels)


def averaged(feature_maps: Any) -> Any:
    """Return feature maps averaged over positions, shape (batch, channels)."""
    return keras().layers.GlobalAveragePooling2D(name=FEATURES)(feature_maps)


def with_new_head(pixels: Any, feature_maps: Any, classes: int) -> Any:
    """Return the model from `pixels` to logits of new classes: averaging, dropout, dense layer."""
    layers = keras().layers
    x = layers.Dropout(DROPOUT, name="dropout")(averaged(feature_maps))
    return keras().Model(pixels, layers.Dense(classes, name="logits")(x))


def check_width(width: float, claim: str) -> None:
    """Raise ValueError, beginning with `claim`, for a width other than 1."""
    if width != 1.0:
        raise ValueError(f"{claim}; it was asked for with width {width}.")
