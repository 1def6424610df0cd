"""Models that tell red, green and blue apart, and pictures of these colours."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from tests.tiny_models import SHAPE, Quantized, linear_model

COLOURS = ("blue", "green", "red")
"""In sorted order, which is that of classes without labels."""

CHANNELS = {"red": 0, "green": 1, "blue": 2}


def colour_model(
    path: Path, classes: tuple[str, ...] = COLOURS, quantized: Quantized | None = None
) -> Path:
    """Write a model whose score for a colour is the mean of its channel."""
    weights = np.zeros((len(classes), *SHAPE))
    for index, name in enumerate(classes):
        weights[index, ..., CHANNELS[name]] = 1 / 64
    return linear_model(path, weights.reshape(len(classes), -1), quantized=quantized)


def pictures(folder: Path, each: int, first: int = 0) -> Path:
    """Write so many different pictures of each colour, a folder a colour."""
    for colour, channel in CHANNELS.items():
        (folder / colour).mkdir(parents=True)
        for number in range(first, first + each):
            rng = np.random.default_rng([channel, number])
            pixels = rng.integers(0, 100, SHAPE, dtype=np.uint8)
            pixels[..., channel] += 120
            Image.fromarray(pixels).save(folder / colour / f"{number}.png")
    return folder
