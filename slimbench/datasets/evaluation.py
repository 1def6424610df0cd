"""The images that models are scored on, as steps leave them in the artifact store.

Two layouts, one reader: `evaluation.npz`, which is read into memory, for small data sets that come
with training images; and three files, of which the pixels stay on the disk, for photographs.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import numpy as np

from slimbench.spec import EVALUATION_FILE, Labels, Pixels

IMAGES_FILE = "images.npy"
LABELS_FILE = "labels.npy"
CLASSES_FILE = "classes.json"

_CHUNK_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Images with their labels: indices into `classes`, which are the model's."""

    images: Pixels
    """Maybe a read-only memory map."""
    labels: Labels
    classes: tuple[str, ...]
    present: tuple[int, ...] | None = None
    """The classes that occur, ascending, where the data has only some of the model's."""
    unreadable: int = 0
    """How many files beside these images could not be read."""
    unreadable_examples: tuple[str, ...] = ()
    """The first of them, with what is wrong."""


def load_evaluation(folder: Path) -> Evaluation:
    """Read the evaluation images of an artifact's folder, of either layout.

    Raises:
        OSError, ValueError, KeyError: The files are not there or not what steps write.
    """
    if not (folder / IMAGES_FILE).exists():
        with np.load(folder / EVALUATION_FILE) as stored:
            classes = tuple(str(name) for name in stored["classes"])
            return Evaluation(stored["images"], stored["labels"], classes, None)
    images = np.load(folder / IMAGES_FILE, mmap_mode="r")
    notes = json.loads((folder / CLASSES_FILE).read_text(encoding="utf-8"))
    present = notes["present"]
    return Evaluation(
        images,
        np.load(folder / LABELS_FILE),
        tuple(notes["classes"]),
        None if present is None else tuple(present),
        notes.get("bad", 0),
        tuple(notes.get("bad_images", ())),
    )


def save_labels(
    folder: Path,
    labels: Sequence[int],
    classes: Sequence[str],
    present: Sequence[int] | None,
    notes: Mapping[str, Any],
) -> None:
    """Write what belongs to an `ImagesWriter`'s file, with notes for a reader's eyes."""
    np.save(folder / LABELS_FILE, np.asarray(labels, np.int64))
    content = {"classes": [*classes], "present": present and [*present], **notes}
    (folder / CLASSES_FILE).write_text(
        json.dumps(content, indent=1, ensure_ascii=True), encoding="utf-8"
    )


class ImagesWriter:
    """Writes `images.npy` image by image, so that their number need not fit into memory.

    Nor need it be known before: at most `capacity`, and the end of the block settles it.
    """

    def __init__(self, folder: Path, shape: tuple[int, int, int], capacity: int) -> None:
        self.written = 0
        self._path = folder / IMAGES_FILE
        self._shape = shape
        self._capacity = capacity
        self._file: BinaryIO | None = None

    def __enter__(self) -> Self:
        self._file = self._path.open("wb")
        self._write_header(self._capacity)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._file is not None:
            with self._file as file:
                file.seek(0)
                self._write_header(self.written)

    def append(self, image: Pixels) -> None:
        """Write one image; raises ValueError where it has another shape or is one too many."""
        if self._file is None or image.shape != self._shape or self.written == self._capacity:
            raise ValueError(f"an image of shape {image.shape} does not fit {self._path.name}")
        self._file.write(image.astype(np.uint8, casting="safe", copy=False).tobytes())
        self.written += 1

    def _write_header(self, count: int) -> None:
        """Numpy leaves room for the first size to grow, so headers of all counts are as long."""
        if self._file is not None:
            shape = (count, *self._shape)
            np.lib.format.write_array_header_1_0(
                self._file, {"descr": "|u1", "fortran_order": False, "shape": shape}
            )


def evaluation_sha256(images: Pixels, labels: Labels) -> str:
    """Return the sha256 of what is scored: uint8 pixels in C order, then int64 labels.

    Reads a memory map in parts, so that it need not fit into memory.
    """
    digest = hashlib.sha256()
    each = max(1, images[:1].nbytes)
    step = max(1, _CHUNK_BYTES // each)
    for start in range(0, len(images), step):
        part = images[start : start + step]
        digest.update(part.astype(np.uint8, casting="safe", copy=False).tobytes())
    digest.update(labels.astype("<i8").tobytes())
    return digest.hexdigest()
