"""The images of a folder of photographs, as pixels of one input size, for scoring.

The step's key holds the hash of the images and not where they lie, so the same photographs from a
folder and from an archive are decoded once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from bench.build.recipe import NOT_HASHED
from bench.evaluation import ImagesWriter, save_labels
from bench.photos.choosing import DEFAULT_LIMIT, ContentHash, choose
from bench.photos.labelling import label_folders
from bench.photos.listing import list_classes
from bench.photos.reading import NAMED, Read, check_bad, named, read_photos
from bench.photos.refusal import PhotoProblem
from bench.photos.source import Photos
from bench.spec import Kind, Toolchain, Workplace

SECONDS_PER_IMAGE = 0.005
"""What decoding one of ImageNet's takes on one core, about."""


@dataclass(frozen=True, slots=True)
class EvaluationPhotos:
    """Decode chosen photographs and store pixels, labels and class names; see `of_photos`."""

    dataset: str
    height: int
    width: int
    channels: int
    content: str
    """The sha256 of the chosen images; see `bench.photos.choosing.ContentHash`."""
    classes: int | None = None
    """Of the model; None where the folders decide."""
    labels: tuple[str, ...] = ()
    """The model's, where it has its own."""
    offset: int | None = None
    allow_bad: bool = False
    limit: int | None = field(default=DEFAULT_LIMIT, metadata=NOT_HASHED, compare=False)
    images: int = field(default=DEFAULT_LIMIT, metadata=NOT_HASHED, compare=False)
    """How many were chosen."""
    root: Path = field(default=Path(), metadata=NOT_HASHED, compare=False)
    """The folder with the class folders."""
    origin: str = field(default="", metadata=NOT_HASHED, compare=False)
    """Where the images are from, in words."""

    toolchain: ClassVar[Toolchain] = "plain"
    kind: ClassVar[Kind] = "other"
    packages: ClassVar[tuple[str, ...]] = ("pillow", "numpy")
    seeded: ClassVar[bool] = False
    code: ClassVar[tuple[str, ...]] = (
        "bench.evaluation",
        "bench.photos.choosing",
        "bench.photos.decoding",
        "bench.photos.labelling",
        "bench.photos.listing",
        "bench.photos.reading",
    )

    def label(self) -> str:
        """Name the data set."""
        return self.dataset

    def title(self) -> str:
        """Name the data set and the size."""
        return f"images of {self.dataset} at {self.height}x{self.width}"

    def cost(self) -> float:
        """Expected seconds."""
        return 1.0 + SECONDS_PER_IMAGE * self.images

    def run(self, place: Workplace) -> None:
        """Write `images.npy`, `labels.npy` and `classes.json`.

        Raises:
            PhotoProblem: Too many bad images, classes that are not the model's, or other images
                than were chosen.
        """
        listing = list_classes(self.root)
        chosen = choose(listing.files, self.limit)
        labelling = label_folders(listing.files, self.classes, self.labels, self.offset)
        content = ContentHash(tuple(listing.files))
        shape = (self.height, self.width, self.channels)
        labels: list[int] = []
        bad: list[Read] = []
        with ImagesWriter(place.out, shape, len(chosen)) as images:
            for read in read_photos(self.root, chosen, shape, place.advance):
                content.add(read.photo, read.fingerprint)
                if read.pixels is None:
                    bad.append(read)
                else:
                    images.append(read.pixels)
                    labels.append(labelling.indices[read.photo[0]])
        if content.hexdigest() != self.content:
            raise PhotoProblem(
                f"The images in {self.root} changed since they were chosen. Run again."
            )
        check_bad(bad, len(chosen), allow_bad=self.allow_bad)
        notes = {
            "origin": self.origin,
            "images": len(labels),
            "bad": len(bad),
            "bad_images": [named(read) for read in bad[:NAMED]],
        }
        save_labels(place.out, labels, labelling.classes, labelling.present(labels), notes)


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

    Arguments are those of `bench.photos.labelling.label_folders`, and raise like it, at once.
    """
    label_folders(photos.folders, classes, labels, offset)
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
        images=len(photos.chosen),
        root=photos.root.absolute(),
        origin=photos.origin,
    )
