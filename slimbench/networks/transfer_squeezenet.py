"""SqueezeNet 1.1 as trained on ImageNet, on small photographs that it enlarges itself.

Its own last layer, a convolution to ImageNet's 1,000 classes, is replaced by a layer of logits on
the averaged features, as with the other networks.
"""

from __future__ import annotations

from typing import Any

from slimbench.networks import imagenet_squeezenet, keras
from slimbench.networks.imagenet import pixels_minus
from slimbench.networks.transfer_mobilenetv2 import DROPOUT, FEATURES, SIDE

VERSION = 1

LAST = "fire9_concat"
"""What is kept of it ends here."""


def build(input_shape: tuple[int, int, int], classes: int, width: float = 1.0) -> Any:
    """Return the network from raw pixels to logits."""
    imagenet_squeezenet.check_width(width)
    layers = keras().layers
    pixels, centred = pixels_minus(imagenet_squeezenet.MEAN, input_shape)
    enlarged = layers.Resizing(SIDE, SIDE, interpolation="bilinear", name="enlarged")(centred)
    whole = keras().Model(pixels, imagenet_squeezenet.logits(enlarged, 1))
    features = layers.GlobalAveragePooling2D(name=FEATURES)(whole.get_layer(LAST).output)
    x = layers.Dropout(DROPOUT, name="dropout")(features)
    return keras().Model(pixels, layers.Dense(classes, name="logits")(x))
