"""A data set in folders, cut into its splits: what is trained on, chosen by, and scored on.

The general form of `train/<class>/*` and `test/<class>/*`, small enough to be held in memory. The
step's key holds the hash of the images and not where they lie.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import numpy as np

from bench.build.recipe import NOT_HASHED
from bench.photos.choosing import ContentHash, Photo, choose
from bench.photos.listing import list_classes
from bench.photos.reading import check_bad, read_photos
from bench.photos.refusal import PhotoProblem
from bench.photos.source import Photos
from bench.spec import EVALUATION_FILE, Advance, Kind, Labels, Pixels, Splits, Toolchain, Workplace
from bench.steps.images import SPLITS_FILE, _check_apart


@dataclass(frozen=True, slots=True)
class PhotoSplits:
    """Decode all images of two splits; `validation` of the training ones, evenly, are set aside."""

    dataset: str
    height: int
    width: int
    validation: int
    train_content: str
    """The sha256 of all training images; see `bench.photos.choosing.ContentHash`."""
    test_content: str
    allow_bad: bool = False
    train_root: Path = field(default=Path(), metadata=NOT_HASHED, compare=False)
    test_root: Path = field(default=Path(), metadata=NOT_HASHED, compare=False)

    toolchain: ClassVar[Toolchain] = "plain"
    kind: ClassVar[Kind] = "other"
    packages: ClassVar[tuple[str, ...]] = ("pillow", "numpy")
    seeded: ClassVar[bool] = False
    code: ClassVar[tuple[str, ...]] = (
        "bench.photos.choosing",
        "bench.photos.decoding",
        "bench.steps.images",
    )

    def label(self) -> str:
        """Name the data set."""
        return self.dataset

    def title(self) -> str:
        """Name the data set."""
        return f"images of {self.dataset}"

    def cost(self) -> float:
        """Expected seconds."""
        return 20.0

    def run(self, place: Workplace) -> None:
        """Write `splits.npz` and `evaluation.npz`; refuses splits that share an image.

        Raises:
            PhotoProblem: Too many bad images, or other images than were found at first.
        """
        listing = list_classes(self.train_root)
        held_out = set(choose(listing.files, self.validation))
        train, validation = self._read(self.train_root, self.train_content, held_out, place.advance)
        test, _ = self._read(self.test_root, self.test_content, (), place.advance)
        _check_apart(self.dataset, Splits(train, validation, test))
        np.savez(
            place.out / SPLITS_FILE,
            train_images=train[0],
            train_labels=train[1],
            validation_images=validation[0],
            validation_labels=validation[1],
        )
        classes = np.array(tuple(listing.files))
        np.savez(place.out / EVALUATION_FILE, images=test[0], labels=test[1], classes=classes)

    def _read(
        self, root: Path, content: str, apart: Collection[Photo], advance: Advance
    ) -> tuple[tuple[Pixels, Labels], tuple[Pixels, Labels]]:
        """Return the images below a folder, those not set apart first, with their labels."""
        listing = list_classes(root)
        photos = choose(listing.files, None)
        index = {name: number for number, name in enumerate(listing.files)}
        digest = ContentHash(tuple(listing.files))
        shape = (self.height, self.width, 3)
        kept: tuple[list[Pixels], list[int]] = ([], [])
        aside: tuple[list[Pixels], list[int]] = ([], [])
        bad = []
        for read in read_photos(root, photos, shape, advance):
            digest.add(read.photo, read.fingerprint)
            if read.pixels is None:
                bad.append(read)
                continue
            pixels, labels = aside if read.photo in apart else kept
            pixels.append(read.pixels)
            labels.append(index[read.photo[0]])
        if digest.hexdigest() != content:
            raise PhotoProblem(f"The images in {root} changed since they were found. Run again.")
        check_bad(bad, len(photos), allow_bad=self.allow_bad)
        return _arrays(*kept, shape), _arrays(*aside, shape)


def of_splits(  # noqa: PLR0913 - two splits, and how they are cut
    dataset: str,
    input_shape: tuple[int, int, int],
    validation: int,
    *,
    train: Photos,
    test: Photos,
    allow_bad: bool = False,
) -> PhotoSplits:
    """Return the step for two opened splits; PhotoProblem where their classes differ."""
    if train.folders != test.folders:
        differing = ", ".join(sorted({*train.folders} ^ {*test.folders}))
        raise PhotoProblem(
            f"{train.root} and {test.root} have different classes: {differing}. "
            "Give both the same class folders."
        )
    height, width, _ = input_shape
    return PhotoSplits(
        dataset,
        height,
        width,
        validation,
        train.content,
        test.content,
        allow_bad=allow_bad,
        train_root=train.root.absolute(),
        test_root=test.root.absolute(),
    )


def _arrays(
    pixels: list[Pixels], labels: list[int], shape: tuple[int, int, int]
) -> tuple[Pixels, Labels]:
    images = np.stack(pixels) if pixels else np.zeros((0, *shape), np.uint8)
    return images, np.asarray(labels, np.int64)
