"""A separable convolutional network of about 23,000 parameters: what a teacher is distilled into.

Depthwise-separable convolutions after MobileNet (Howard et al. 2017): one full convolution that
halves the image, then five separable ones.
"""

from __future__ import annotations

from typing import Any

from slimbench.networks import Architecture, keras
from slimbench.networks.building_blocks import BATCH_NORM_MOMENTUM, pixels_in_unit_range

CHANNELS = 24
_BLOCKS = ((1, 1), (2, 2), (2, 1), (4, 2), (4, 1))
"""(multiple of the first layer's channels, stride) of each separable convolution."""


def student(input_shape: tuple[int, int, int], classes: int, width: float = 1.0) -> Any:
    """Return the student; `width` multiplies its channels."""
    layers = keras().layers
    channels = max(8, int(CHANNELS * width))

    def normalised(x: Any, name: str) -> Any:
        x = layers.BatchNormalization(momentum=BATCH_NORM_MOMENTUM, name=f"{name}_bn")(x)
        return layers.ReLU(name=f"{name}_relu")(x)

    pixels, x = pixels_in_unit_range(input_shape)
    x = layers.Conv2D(channels, 3, strides=2, padding="same", use_bias=False, name="stem")(x)
    x = normalised(x, "stem")
    for number, (multiple, stride) in enumerate(_BLOCKS, 1):
        name = f"separable_{number}"
        x = layers.SeparableConv2D(
            multiple * channels, 3, strides=stride, padding="same", use_bias=False, name=name
        )(x)
        x = normalised(x, name)
    x = layers.GlobalAveragePooling2D(name="average")(x)
    return keras().Model(pixels, layers.Dense(classes, name="logits")(x))


NETWORKS: tuple[Architecture, ...] = (Architecture("student", student, version=1),)
