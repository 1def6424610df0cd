"""The first step of a chain that trains on a data set of ours: its splits, stored as arrays.

Training, calibration and scoring all read these files, so a measuring process needs neither the
library that the images came from nor the time to prepare them.
"""

from __future__ import annotations

import itertools
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from slimbench import datasets
from slimbench.spec import EVALUATION_FILE, Labels, Pixels, Splits, Step, Workplace

SPLITS_FILE = "splits.npz"


@dataclass(frozen=True, slots=True)
class Images(Step):
    """Load a data set and store train and validation for building, test for scoring."""

    dataset: str

    action: ClassVar[str] = "images of"

    def versions(self) -> dict[str, str]:
        """Return the data set's and those of the packages that it comes from."""
        return datasets.get(self.dataset).versions()

    def label(self) -> str:
        """Name the data set."""
        return self.dataset

    def run(self, place: Workplace) -> None:
        """Write `splits.npz` and `evaluation.npz`; refuses splits that share an image."""
        dataset = datasets.get(self.dataset)
        save_splits(place.out, dataset.name, dataset.load(), dataset.classes)


@dataclass(frozen=True, slots=True)
class FewImages(Step):
    """Keep the first of each class for training, the next for validation, and all test images.

    As if no more had been labelled: what transfer learning is for.
    """

    images: Step
    train_per_class: int
    validation_per_class: int

    packages: ClassVar[tuple[str, ...]] = ("numpy",)
    action: ClassVar[str] = "images of"

    def label(self) -> str:
        """Name the data set and how few."""
        few = self.train_per_class + self.validation_per_class
        return f"{self.images.label()}, {few} images a class"

    def run(self, place: Workplace) -> None:
        """Write `splits.npz` and `evaluation.npz`."""
        pixels, labels = training_images(place.inputs[0])
        train = _of_each_class(labels, 0, self.train_per_class)
        validation = _of_each_class(labels, self.train_per_class, self.validation_per_class)
        save_training(
            place.out,
            (np.ascontiguousarray(pixels[train]), labels[train]),
            (np.ascontiguousarray(pixels[validation]), labels[validation]),
        )
        shutil.copyfile(place.inputs[0] / EVALUATION_FILE, place.out / EVALUATION_FILE)


def training_images(folder: Path) -> tuple[Pixels, Labels]:
    """Read the train split from an artifact of images."""
    with np.load(folder / SPLITS_FILE) as splits:
        return splits["train_images"], splits["train_labels"]


def validation_images(folder: Path) -> tuple[Pixels, Labels]:
    """Read the validation split from an artifact of images."""
    with np.load(folder / SPLITS_FILE) as splits:
        return splits["validation_images"], splits["validation_labels"]


def save_training(
    folder: Path, train: tuple[Pixels, Labels], validation: tuple[Pixels, Labels] | None = None
) -> None:
    """Write `splits.npz`: images to train with or calibrate, and those to validate, if any."""
    images, labels = validation or (train[0][:0], train[1][:0])
    np.savez(
        folder / SPLITS_FILE,
        train_images=train[0],
        train_labels=train[1],
        validation_images=images,
        validation_labels=labels,
    )


def save_splits(folder: Path, name: str, splits: Splits, classes: tuple[str, ...]) -> None:
    """Write `splits.npz` and `evaluation.npz`; ValueError where two splits share an image."""
    _check_disjoint(name, splits)
    save_training(folder, splits.train, splits.validation)
    images, labels = splits.test
    np.savez(folder / EVALUATION_FILE, images=images, labels=labels, classes=np.array(classes))


def _of_each_class(labels: Labels, skipped: int, count: int) -> Labels:
    """Return the indices of `count` images of each class, after the first few of it, in order."""
    chosen = []
    for label in np.unique(labels):
        indices = np.flatnonzero(labels == label)[skipped : skipped + count]
        if len(indices) < count:
            raise ValueError(f"Class {label} has not {skipped + count} training images.")
        chosen.append(indices)
    return np.sort(np.concatenate(chosen))


def _check_disjoint(name: str, splits: Splits) -> None:
    """A test image seen in training would make every accuracy a lie; compare by content."""
    parts = {
        split: [image.tobytes() for image in images]
        for split, (images, _) in (
            ("train", splits.train),
            ("validation", splits.validation),
            ("test", splits.test),
        )
    }
    for one, other in itertools.combinations(parts, 2):
        others = set(parts[other])
        shared = sum(image in others for image in parts[one])
        if shared:
            raise ValueError(f"{shared} {one} images of {name} are among its {other} images.")
