"""Steps that decode photographs in folders: to score on, to train with, or both.

Their keys hold the hash of the images and not where they lie, so the same photographs from a folder
and from an archive are decoded once.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import numpy as np

from slimbench.build.store import Store
from slimbench.datasets.evaluation import ImagesWriter, load_evaluation, save_labels
from slimbench.datasets.photos.decoding import (
    MOST_LISTED,
    DecodedPhoto,
    check_bad,
    described,
    read_photos,
)
from slimbench.datasets.photos.errors import PhotoProblem
from slimbench.datasets.photos.labelling import label_folders
from slimbench.datasets.photos.listing import (
    DEFAULT_LIMIT,
    ContentHash,
    Listing,
    Part,
    Photo,
    choose,
    choose_part,
    list_classes,
)
from slimbench.datasets.photos.source import Photos, open_photos
from slimbench.spec import (
    NOT_HASHED,
    Advance,
    Choices,
    DataSet,
    Labels,
    Pixels,
    Splits,
    Step,
    Workplace,
)
from slimbench.steps import images

SECONDS_PER_IMAGE = 0.005
"""What decoding one of ImageNet's takes on one core, about."""

PACKAGES = ("pillow", "numpy")


@dataclass(frozen=True, slots=True)
class EvaluationPhotos(Step):
    """Decode chosen photographs and store pixels, labels and class names; see `of_photos`."""

    dataset: str
    height: int
    width: int
    channels: int
    content: str
    """The sha256 of the chosen images; see `slimbench.datasets.photos.listing.ContentHash`."""
    classes: int | None = None
    """Of the model; None where the folders decide."""
    labels: tuple[str, ...] = ()
    """The model's, where it has its own."""
    offset: int | None = None
    allow_bad: bool = False
    limit: int | None = field(default=DEFAULT_LIMIT, metadata=NOT_HASHED, compare=False)
    part: Part = field(default="all", metadata=NOT_HASHED, compare=False)
    images: int = field(default=DEFAULT_LIMIT, metadata=NOT_HASHED, compare=False)
    """How many were chosen."""
    root: Path = field(default=Path(), metadata=NOT_HASHED, compare=False)
    """The folder with the class folders."""
    origin: str = field(default="", metadata=NOT_HASHED, compare=False)
    """Where the images are from, in words."""
    notes: tuple[str, ...] = field(default=(), metadata=NOT_HASHED, compare=False)
    """What a person should know of their choice and their classes."""

    version: ClassVar[int] = 2
    packages: ClassVar[tuple[str, ...]] = PACKAGES

    def label(self) -> str:
        """Name the data set."""
        return self.dataset

    def title(self) -> str:
        """Name the data set and the size."""
        return f"images of {self.dataset} at {self.height}x{self.width}"

    def cost(self) -> float:
        """Return the expected seconds."""
        return 1.0 + SECONDS_PER_IMAGE * self.images

    def run(self, place: Workplace) -> None:
        """Write `images.npy`, `labels.npy` and `classes.json`.

        Raises:
            PhotoProblem: Too many bad images, classes that are not the model's, or other images
                than were chosen.
        """
        shape = (self.height, self.width, self.channels)
        photos = _Decoding(
            self.root, self.limit, shape, self.content, part=self.part, allow_bad=self.allow_bad
        )
        labelling = label_folders(photos.listing.files, self.classes, self.labels, self.offset)
        labels: list[int] = []
        with ImagesWriter(place.out, shape, len(photos.chosen)) as writer:
            for photo, pixels in photos.decoded(place.advance):
                writer.append(pixels)
                labels.append(labelling.indices[photo[0]])
        summary = {
            "origin": self.origin,
            "images": len(labels),
            "bad": len(photos.bad),
            "bad_images": [described(read) for read in photos.bad[:MOST_LISTED]],
        }
        save_labels(place.out, labels, labelling.classes, labelling.present(labels), summary)


@dataclass(frozen=True, slots=True)
class TrainingPhotos(Step):
    """Decode chosen photographs for training or calibration; those to score on are left out.

    The fields besides `evaluation` are those of `EvaluationPhotos`.
    """

    evaluation: Step
    dataset: str
    height: int
    width: int
    channels: int
    content: str
    classes: int
    labels: tuple[str, ...]
    limit: int
    root: Path = field(metadata=NOT_HASHED)
    allow_bad: bool = False
    part: Part = field(default="all", metadata=NOT_HASHED)

    version: ClassVar[int] = 2
    packages: ClassVar[tuple[str, ...]] = PACKAGES

    def label(self) -> str:
        """Name the data set."""
        return self.dataset

    def title(self) -> str:
        """Say how many, and how large."""
        return f"{self.limit:,} training images of {self.dataset} at {self.height}x{self.width}"

    def cost(self) -> float:
        """Return the expected seconds."""
        return 1.0 + SECONDS_PER_IMAGE * self.limit

    def run(self, place: Workplace) -> None:
        """Write `splits.npz`: these images for training, nothing for validation.

        Raises:
            PhotoProblem: Too many bad images, other ones than were chosen, or only test images.
        """
        shape = (self.height, self.width, self.channels)
        photos = _Decoding(
            self.root, self.limit, shape, self.content, part=self.part, allow_bad=self.allow_bad
        )
        indices = label_folders(photos.listing.files, self.classes, self.labels).indices
        tested = {_digest(image) for image in load_evaluation(place.inputs[0]).images}
        pixels: list[Pixels] = []
        labels: list[int] = []
        for photo, image in photos.decoded(place.advance):
            if _digest(image) not in tested:
                pixels.append(image)
                labels.append(indices[photo[0]])
        if not pixels:
            raise PhotoProblem(f"The training images in {self.root} are all test images too.")
        images.save_training(place.out, _arrays(pixels, labels, shape))


@dataclass(frozen=True, slots=True)
class PhotoSplits(Step):
    """Decode all images of two splits; `validation` of the training ones, evenly, are set aside.

    The general form of `train/<class>/*` and `test/<class>/*`, small enough to be held in memory.
    """

    dataset: str
    height: int
    width: int
    validation: int
    train_content: str
    """The sha256 of all training images; see `slimbench.datasets.photos.listing.ContentHash`."""
    test_content: str
    allow_bad: bool = False
    train_root: Path = field(default=Path(), metadata=NOT_HASHED, compare=False)
    test_root: Path = field(default=Path(), metadata=NOT_HASHED, compare=False)

    packages: ClassVar[tuple[str, ...]] = PACKAGES
    action: ClassVar[str] = "images of"
    usual_seconds: ClassVar[float] = 20.0

    def label(self) -> str:
        """Name the data set."""
        return self.dataset

    def run(self, place: Workplace) -> None:
        """Write `splits.npz` and `evaluation.npz`; refuses splits that share an image.

        Raises:
            PhotoProblem: Too many bad images, or other images than were found at first.
        """
        classes = tuple(list_classes(self.train_root).files)
        train, validation = self._read(
            self.train_root, self.train_content, self.validation, place.advance
        )
        test, _ = self._read(self.test_root, self.test_content, 0, place.advance)
        images.save_splits(place.out, self.dataset, Splits(train, validation, test), classes)

    def _read(
        self, root: Path, content: str, held_out: int, advance: Advance
    ) -> tuple[tuple[Pixels, Labels], tuple[Pixels, Labels]]:
        """Return the images below a folder that are not held out, and those that are."""
        shape = (self.height, self.width, 3)
        photos = _Decoding(root, None, shape, content, allow_bad=self.allow_bad)
        validation = set(choose(photos.listing.files, held_out)) if held_out else set()
        index = {name: number for number, name in enumerate(photos.listing.files)}
        parts: dict[bool, tuple[list[Pixels], list[int]]] = {False: ([], []), True: ([], [])}
        for photo, image in photos.decoded(advance):
            pixels, labels = parts[photo in validation]
            pixels.append(image)
            labels.append(index[photo[0]])
        return _arrays(*parts[False], shape), _arrays(*parts[True], shape)


class _Decoding:
    """Reads chosen photographs, and checks that they are those of a content hash."""

    def __init__(  # noqa: PLR0913 - a step's fields
        self,
        root: Path,
        limit: int | None,
        shape: tuple[int, int, int],
        content: str,
        *,
        part: Part = "all",
        allow_bad: bool,
    ) -> None:
        self.listing: Listing = list_classes(root)
        self.chosen = choose_part(self.listing.files, limit, part)
        self.bad: list[DecodedPhoto] = []
        self._root = root
        self._shape = shape
        self._content = content
        self._allow_bad = allow_bad

    def decoded(self, advance: Advance) -> Iterator[tuple[Photo, Pixels]]:
        """Yield each photograph that can be read with its pixels.

        Raises:
            PhotoProblem: After the last one: too many are bad, or others than were chosen.
        """
        digest = ContentHash(tuple(self.listing.files))
        for read in read_photos(self._root, self.chosen, self._shape, advance):
            digest.add(read.photo, read.fingerprint)
            if read.pixels is None:
                self.bad.append(read)
            else:
                yield read.photo, read.pixels
        if digest.hexdigest() != self._content:
            raise PhotoProblem(
                f"The images in {self._root} changed since they were chosen. Run again."
            )
        check_bad(self.bad, len(self.chosen), allow_bad=self._allow_bad)


def of_photos(  # noqa: PLR0913 - what a model may say of its classes
    photos: Photos,
    dataset: str,
    input_shape: tuple[int, int, int],
    *,
    classes: int | None = None,
    labels: Sequence[str] = (),
    offset: int | None = None,
    allow_bad: bool = False,
) -> EvaluationPhotos:
    """Return the step for opened photographs and a model's input and classes.

    Arguments are those of `slimbench.datasets.photos.labelling.label_folders`, and raise like
    it, at once.
    """
    labelling = label_folders(photos.folders, classes, labels, offset)
    height, width, channels = input_shape
    return EvaluationPhotos(
        dataset,
        height,
        width,
        channels,
        photos.content,
        classes=classes,
        labels=tuple(labels),
        offset=offset,
        allow_bad=allow_bad,
        limit=photos.limit,
        part=photos.part,
        images=len(photos.chosen),
        root=photos.root.absolute(),
        origin=photos.origin,
        notes=(*photos.notes, *([labelling.note] if labelling.note else [])),
    )


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


def images_of(dataset: DataSet, validation: int, choices: Choices) -> Step:
    """Return the step that prepares the user's copy of a data set, or the data set's own.

    A copy is a folder or an archive of `train/<class>/*` and `test/<class>/*`; of its training
    images `validation` are set aside.

    Raises:
        PhotoProblem: What `choices.data` names cannot be used.
    """
    if choices.data is None:
        return images.Images(dataset.name)
    path = choices.data.expanduser().absolute()
    train, test = _opened_splits(path)
    return of_splits(
        dataset.name,
        dataset.input_shape,
        validation,
        train=train,
        test=test,
        allow_bad=choices.allow_bad,
    )


@functools.cache
def _opened_splits(path: Path) -> tuple[Photos, Photos]:
    """Open both splits once for all variants; all images are taken."""
    store = Store()
    store.prepare()
    train, test = (open_photos(path, store, split=split, limit=None) for split in ("train", "test"))
    return train, test


def _digest(image: Pixels) -> bytes:
    return hashlib.sha256(image.tobytes()).digest()


def _arrays(
    pixels: list[Pixels], labels: list[int], shape: tuple[int, int, int]
) -> tuple[Pixels, Labels]:
    stacked = np.stack(pixels) if pixels else np.zeros((0, *shape), np.uint8)
    return stacked, np.asarray(labels, np.int64)
