"""Full-size networks with ImageNet weights: what they have in common.

All of them take raw 0-255 RGB pixels, with the preprocessing that each was trained with inside the
model. The mean is subtracted first, in one operation of its own, since convolutions that pad do so
with zeros, which have to stand for the mean. Scale and order of the channels need none: they are
folded into the kernel of the first convolution, which is exact.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from slimbench import networks
from slimbench.networks import Architecture

Weights = Mapping[str, Sequence[npt.NDArray[np.float32]]]
"""Each layer's arrays, in Keras's order, by the layer's name."""

PREFIX = "imagenet_"
"""What their names begin with; the rest is the name of the architecture."""


@dataclass(frozen=True, slots=True)
class Pretrained(Architecture):
    """An architecture that there are ImageNet weights for.

    `weights_file(input_shape, width)` is the name of the file that holds them; it raises ValueError
    where there is none. `original(input_shape, classes, width, weights)` returns the `keras.Model`
    whose weights the file holds, preprocessing outside; `weights` is "imagenet" to have Keras find
    the file, None to leave them random. `folded(weights)` returns the original's weights as the
    network from raw pixels needs them. `licence` is what the weights that Keras offers are released
    under, None where it offers none.
    """

    weights_file: Callable[[tuple[int, int, int], float], str]
    original: Callable[[tuple[int, int, int], int, float, str | None], Any]
    folded: Callable[[Weights], Weights]
    licence: str | None


def architecture(network: str) -> Pretrained:
    """Return a network that there are weights for; raises TypeError for another."""
    found = networks.architecture(network)
    if not isinstance(found, Pretrained):
        raise TypeError(f"There are no ImageNet weights for the network {network!r}.")
    return found


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
