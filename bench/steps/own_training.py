"""The train split of a user's photographs, for calibration and fine-tuning; never a test image."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import numpy as np

from bench.build.recipe import NOT_HASHED
from bench.evaluation import load_evaluation
from bench.photos.choosing import ContentHash, choose
from bench.photos.labelling import label_folders
from bench.photos.listing import list_classes
from bench.photos.reading import Read, check_bad, read_photos
from bench.photos.refusal import PhotoProblem
from bench.spec import Kind, Pixels, Step, Toolchain, Workplace
from bench.steps.images import SPLITS_FILE


@dataclass(frozen=True, slots=True)
class OwnTraining:
    """Decode chosen training photographs at a model's size; those among `evaluation` are left out.

    The other fields are those of `bench.steps.evaluation_photos.EvaluationPhotos`.
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
        """Say how many, and how large."""
        return f"{self.limit:,} training images of {self.dataset} at {self.height}x{self.width}"

    def cost(self) -> float:
        """Expected seconds."""
        return 1.0 + 0.003 * self.limit

    def run(self, place: Workplace) -> None:
        """Write `splits.npz`: these images for training, nothing for validation.

        Raises:
            PhotoProblem: Too many bad images, other ones than were chosen, or only test images.
        """
        listing = list_classes(self.root)
        chosen = choose(listing.files, self.limit)
        indices = label_folders(listing.files, self.classes, self.labels).indices
        tested = {_digest(image) for image in load_evaluation(place.inputs[0]).images}
        content = ContentHash(tuple(listing.files))
        kept: list[Pixels] = []
        labels: list[int] = []
        bad: list[Read] = []
        shape = (self.height, self.width, self.channels)
        for read in read_photos(self.root, chosen, shape, place.advance):
            content.add(read.photo, read.fingerprint)
            if read.pixels is None:
                bad.append(read)
            elif _digest(read.pixels) not in tested:
                kept.append(read.pixels)
                labels.append(indices[read.photo[0]])
        if content.hexdigest() != self.content:
            raise PhotoProblem(
                f"The images in {self.root} changed since they were chosen. Run again."
            )
        check_bad(bad, len(chosen), allow_bad=self.allow_bad)
        if not kept:
            raise PhotoProblem(f"The training images in {self.root} are all test images too.")
        images = np.stack(kept)
        np.savez(
            place.out / SPLITS_FILE,
            train_images=images,
            train_labels=np.asarray(labels, np.int64),
            validation_images=images[:0],
            validation_labels=np.zeros(0, np.int64),
        )


def _digest(image: Pixels) -> bytes:
    return hashlib.sha256(image.tobytes()).digest()
