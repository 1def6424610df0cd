"""A few images of each class, as if no more had been labelled: what transfer learning is for."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from bench.spec import EVALUATION_FILE, Kind, Labels, Pixels, Step, Toolchain, Workplace
from bench.steps import images
from bench.steps.images import SPLITS_FILE


@dataclass(frozen=True, slots=True)
class FewImages:
    """Keep the first of each class for training, the next for validation, and all test images."""

    images: Step
    train_per_class: int
    validation_per_class: int

    toolchain: ClassVar[Toolchain] = "plain"
    kind: ClassVar[Kind] = "other"
    packages: ClassVar[tuple[str, ...]] = ("numpy",)
    seeded: ClassVar[bool] = False
    code: ClassVar[tuple[str, ...]] = ("bench.steps.images",)

    def label(self) -> str:
        """Name the data set and how few."""
        few = self.train_per_class + self.validation_per_class
        return f"{self.images.label()}, {few} images a class"

    def title(self) -> str:
        """Say how few."""
        return f"images of {self.label()}"

    def cost(self) -> float:
        """Expected seconds."""
        return 2.0

    def run(self, place: Workplace) -> None:
        """Write `splits.npz` and `evaluation.npz`."""
        pixels, labels = images.training_images(place.inputs[0])
        train = _of_each_class(labels, 0, self.train_per_class)
        held_out = _of_each_class(labels, self.train_per_class, self.validation_per_class)
        np.savez(
            place.out / SPLITS_FILE,
            train_images=_at(pixels, train),
            train_labels=labels[train],
            validation_images=_at(pixels, held_out),
            validation_labels=labels[held_out],
        )
        shutil.copyfile(place.inputs[0] / EVALUATION_FILE, place.out / EVALUATION_FILE)


def _at(pixels: Pixels, chosen: Labels) -> Pixels:
    return np.ascontiguousarray(pixels[chosen])


def _of_each_class(labels: Labels, skipped: int, count: int) -> Labels:
    """Return the places of `count` images of each class, after the first few of it, in order."""
    found = []
    for label in np.unique(labels):
        places = np.flatnonzero(labels == label)[skipped : skipped + count]
        if len(places) < count:
            raise ValueError(f"Class {label} has not {skipped + count} training images.")
        found.append(places)
    return np.sort(np.concatenate(found))
