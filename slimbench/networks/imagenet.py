"""What the full-size networks share: the preprocessing each was trained with, inside the model.

All of them take raw 0-255 RGB pixels. The mean is subtracted first, in one operation of its own,
since convolutions that pad do so with zeros, which have to stand for the mean. Scale and order of
the channels need none: they are folded into the kernel of the first convolution, which is exact.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, cast

import numpy as np
import numpy.typing as npt

from slimbench import networks
from slimbench.networks import keras

Weights = Mapping[str, Sequence[npt.NDArray[np.float32]]]
"""Each layer's arrays, in Keras's order, by the layer's name."""

PREFIX = "imagenet_"
"""What the modules' names begin with; the rest is the name of the architecture."""

CENTRED = "centred"
"""The layer that subtracts the mean pixel."""


class Pretrained(Protocol):
    """A module of a network that there are ImageNet weights for."""

    LICENCE: str | None
    """What the weights that Keras offers are released under; None where it offers none."""

    def build(self, input_shape: tuple[int, int, int], classes: int, width: float) -> Any:
        """Return an untrained `keras.Model` from raw pixels to logits."""
        ...

    def weights_file(self, input_shape: tuple[int, int, int], width: float) -> str:
        """Return the name of the file that holds its weights; ValueError where there is none."""
        ...

    def original(
        self, input_shape: tuple[int, int, int], classes: int, width: float, weights: str | None
    ) -> Any:
        """Return the `keras.Model` whose weights the file holds, preprocessing outside.

        `weights` is "imagenet" to have Keras find the file, None to leave them random.
        """
        ...

    def folded(self, weights: Weights) -> Weights:
        """Return the original's weights as the network from raw pixels needs them."""
        ...


def architecture(network: str) -> Pretrained:
    """Return the module of a network that there are weights for."""
    return cast(Pretrained, networks.architecture(network))


def pixels_minus(mean: Sequence[float], input_shape: tuple[int, int, int]) -> tuple[Any, Any]:
    """Return an input of raw RGB pixels, and it less the mean pixel, also in RGB."""
    pixels = keras().Input(input_shape, name="pixels")
    offset = tuple(-value for value in mean)
    return pixels, keras().layers.Rescaling(1.0, offset=offset, name=CENTRED)(pixels)


def refolded(
    weights: Weights, layer: str, *, scale: Sequence[float] = (1.0, 1.0, 1.0), bgr: bool = False
) -> Weights:
    """Return weights whose convolution `layer` takes unscaled RGB.

    Args:
        weights: of the network as it was trained; left as they are.
        layer: the first convolution, kernel of shape (height, width, 3, filters).
        scale: what each of R, G and B was multiplied by on the way to that layer.
        bgr: whether it was given B, G, R.
    """
    kernel, *rest = weights[layer]
    rgb = kernel[:, :, ::-1] if bgr else kernel
    factors = np.asarray(scale, np.float64).reshape(1, 1, 3, 1)
    folded = np.ascontiguousarray(rgb * factors, dtype=np.float32)
    return {**weights, layer: (folded, *rest)}


def label(network: str, input_shape: tuple[int, int, int], width: float) -> str:
    """Return a network's name, width and size in words, for progress lines."""
    height, breadth, _ = input_shape
    of_width = "" if width == 1.0 else f" of width {width}"
    return f"{network.removeprefix(PREFIX)}{of_width} at {height}x{breadth}"
