"""A user's data for their own models: what is scored on, and what may be trained on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from slimbench.build.store import Store
from slimbench.datasets.photos.listing import SPLIT_FOLDERS
from slimbench.datasets.photos.source import Photos, open_photos

CALIBRATION_IMAGES = 200

TRAINING_BYTES = 128 * 2**20
"""Of pixels to fine-tune on, which become four times as many bytes as floats."""

FEWEST_TRAINING, MOST_TRAINING = 200, 20_000


@dataclass(frozen=True, slots=True)
class OwnPhotos:
    """Test images, and where the data has a split to train on, how to come by it."""

    test: Photos
    path: Path
    train: Path | None
    store: Store
    allow_bad: bool = False

    def training(self, limit: int) -> Photos:
        """Choose training images; raises PhotoProblem where they cannot be used."""
        return open_photos(self.path, self.store, split="train", limit=limit)


def open_own(path: Path, limit: int, store: Store, *, allow_bad: bool = False) -> OwnPhotos:
    """Open a folder or archive; raises PhotoProblem where it cannot be used.

    Only a `train/` inside of what was named counts: who names a `test/` folder means that alone.
    """
    path = path.expanduser().absolute()
    test = open_photos(path, store, limit=limit)
    beside = [test.root.parent / name for name in SPLIT_FOLDERS["train"]]
    is_split = test.root != path and test.root.name in SPLIT_FOLDERS["test"]
    train = next((folder for folder in beside if folder.is_dir()), None) if is_split else None
    return OwnPhotos(test, path, train, store, allow_bad)


def training_limit(height: int, width: int, channels: int) -> int:
    """Return how many images of a size are fine-tuned on."""
    fitting = TRAINING_BYTES // (height * width * channels)
    return min(MOST_TRAINING, max(FEWEST_TRAINING, fitting))
