"""Changes to a ready-made Keras network, made in its configuration before it is built.

Keras's applications come as trained on ImageNet at 224 pixels for hundreds of epochs. What has to
differ for a small image and a short training is set here, layer by layer, and nothing else is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from slimbench.networks import keras

LayerConfig = dict[str, Any]

BATCH_NORM_MOMENTUM = 0.9
"""Keras's 0.99 and MobileNetV2's 0.999 need hundreds of steps before the moving averages are
right; a short training ends before that and the model then scores far below what it learned."""


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

    [-1, 1] is what MobileNetV2 was designed for; both networks train well from scratch in it.
    """
    layers = keras().layers
    pixels = keras().Input(input_shape, name="pixels")
    rescaled = layers.Rescaling(1 / 127.5, offset=-1.0, name="rescaling")(pixels)
    base = application(
        weights=None, include_top=False, input_tensor=rescaled, pooling="avg", **options
    )
    logits = layers.Dense(classes, name="logits")(base.output)
    return keras().Model(base.inputs, logits)
