"""The first step of every chain: a data set, cut into its splits and stored as arrays.

Training, calibration and scoring all read these files, so a measuring process needs neither the
library that the images came from nor the time to prepare them.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from bench import datasets
from bench.spec import EVALUATION_FILE, Kind, Labels, Pixels, Splits, Toolchain, Workplace

SPLITS_FILE = "splits.npz"


@dataclass(frozen=True, slots=True)
class Images:
    """Load a data set and store train and validation for building, test for scoring."""

    dataset: str

    toolchain: ClassVar[Toolchain] = "plain"
    kind: ClassVar[Kind] = "other"
    seeded: ClassVar[bool] = False

    @property
    def packages(self) -> tuple[str, ...]:
        """The data set's own."""
        return datasets.get(self.dataset).packages

    @property
    def code(self) -> tuple[str, ...]:
        """The data set's module."""
        return (datasets.get(self.dataset).load.__module__,)

    def label(self) -> str:
        """Name the data set."""
        return self.dataset

    def title(self) -> str:
        """Name the data set."""
        return f"images of {self.dataset}"

    def cost(self) -> float:
        """Expected seconds."""
        return 2.0

    def run(self, place: Workplace) -> None:
        """Write `splits.npz` and `evaluation.npz`; refuses splits that share an image."""
        dataset = datasets.get(self.dataset)
        splits = dataset.load()
        _check_apart(dataset.name, splits)
        np.savez(
            place.out / SPLITS_FILE,
            train_images=splits.train[0],
            train_labels=splits.train[1],
            validation_images=splits.validation[0],
            validation_labels=splits.validation[1],
        )
        np.savez(
            place.out / EVALUATION_FILE,
            images=splits.test[0],
            labels=splits.test[1],
            classes=np.array(dataset.classes),
        )


def training_images(folder: Path) -> tuple[Pixels, Labels]:
    """Read the train split from an `Images` artifact."""
    with np.load(folder / SPLITS_FILE) as splits:
        return splits["train_images"], splits["train_labels"]


def validation_images(folder: Path) -> tuple[Pixels, Labels]:
    """Read the validation split from an `Images` artifact."""
    with np.load(folder / SPLITS_FILE) as splits:
        return splits["validation_images"], splits["validation_labels"]


def evaluation_images(folder: Path) -> tuple[Pixels, Labels, tuple[str, ...]]:
    """Read the test split and the class names from an `Images` artifact."""
    with np.load(folder / EVALUATION_FILE) as test:
        return test["images"], test["labels"], tuple(str(name) for name in test["classes"])


def _check_apart(name: str, splits: Splits) -> None:
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
        there = set(parts[other])
        shared = sum(image in there for image in parts[one])
        if shared:
            raise ValueError(f"{shared} {one} images of {name} are among its {other} images.")
