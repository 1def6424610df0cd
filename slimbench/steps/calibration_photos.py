"""Photographs to calibrate with, which come inside scikit-learn.

A static int8 file needs pictures to see how large a network's values become. These are for networks
whose training images are not at hand, and for a user's model without data.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from slimbench.spec import Pixels, Step, Workplace
from slimbench.steps import images

CROPS = 100
CROP_SEED = 0

SMALLEST_SHARE, LARGEST_SHARE = 0.4, 1.0
"""Between these lies the side of a crop, as a share of the photograph's shorter side."""


@dataclass(frozen=True, slots=True)
class CalibrationPhotos(Step):
    """Cut crops of random place, size and handedness from scikit-learn's two photographs."""

    height: int
    width: int

    packages: ClassVar[tuple[str, ...]] = ("scikit-learn", "pillow", "numpy")

    def label(self) -> str:
        """Name the size."""
        return f"{self.height}x{self.width}"

    def title(self) -> str:
        """Name the size."""
        return f"photographs to calibrate with at {self.label()}"

    def run(self, place: Workplace) -> None:
        """Write `splits.npz`: the crops for training, nothing for validation.

        Each crop is labelled as a class of its own, so that calibration, which takes the first
        few of each class, takes them all.
        """
        from sklearn.datasets import load_sample_images

        crops = cropped(load_sample_images().images, CROPS, self.height, self.width)
        images.save_training(place.out, (crops, np.arange(CROPS, dtype=np.int64)))


def cropped(photographs: list[Pixels], count: int, height: int, width: int) -> Pixels:
    """Return crops of the photographs in turn, shape (count, height, width, 3).

    A crop has the proportions asked for, and every second one on average is mirrored.
    """
    from PIL import Image

    rng = np.random.default_rng(CROP_SEED)
    crops = np.empty((count, height, width, 3), np.uint8)
    for index in range(count):
        photograph = photographs[index % len(photographs)]
        largest = min(photograph.shape[0] / height, photograph.shape[1] / width)
        scale = largest * rng.uniform(SMALLEST_SHARE, LARGEST_SHARE)
        tall, wide = max(1, round(scale * height)), max(1, round(scale * width))
        top = rng.integers(photograph.shape[0] - tall + 1)
        left = rng.integers(photograph.shape[1] - wide + 1)
        crop = Image.fromarray(photograph[top : top + tall, left : left + wide])
        pixels = np.asarray(crop.resize((width, height), Image.Resampling.BICUBIC))
        crops[index] = pixels[:, ::-1] if rng.random() < 0.5 else pixels
    return crops
