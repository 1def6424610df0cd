"""Which images a folder holds, by class: names only, so that a million take seconds."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from slimbench.datasets.photos.refusal import LAYOUT, PhotoProblem
from slimbench.datasets.photos.silent import silent
from slimbench.spec import Advance

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp")
"""In capitals or not."""

Split = Literal["test", "train"]

SPLIT_FOLDERS: Mapping[Split, tuple[str, ...]] = {
    "test": ("test", "val", "validation"),
    "train": ("train",),
}
"""The folders a split may be in, the first that is there; ImageNet calls its test images `val`."""

_HIDDEN = "__MACOSX"
"""What macOS adds to the archives it packs; all that is in it is hidden."""


@dataclass(frozen=True, slots=True)
class Listing:
    """The folders below `root` that hold images, in sorted order, with the images' sorted names."""

    root: Path
    files: Mapping[str, tuple[str, ...]]
    ignored: int
    """Hidden entries and files that are no images, in `root` and the class folders."""

    @property
    def total(self) -> int:
        """How many images there are."""
        return sum(len(names) for names in self.files.values())


def list_images(folder: Path, split: Split = "test", advance: Advance = silent) -> Listing:
    """Find the images of a split, also where one folder wraps all others.

    A folder of class folders alone counts as test images.

    Raises:
        PhotoProblem: There is no such split, no class with an image, or something that may not be
            read.
    """
    return list_classes(_class_root(folder, split), advance)


def list_classes(root: Path, advance: Advance = silent) -> Listing:
    """Find the images of the class folders directly below `root`; raises like `list_images`."""
    folders, images, ignored = _scan(root)
    ignored += len(images)
    files: dict[str, tuple[str, ...]] = {}
    for number, name in enumerate(sorted(folders), start=1):
        below, names, others = _scan(root / name)
        ignored += len(below) + others
        if names:
            files[name] = tuple(sorted(names))
        advance(number, len(folders), f"listing images, folder {number} of {len(folders)}")
    if not files:
        raise PhotoProblem(
            f"{root} has no class folder with images: it holds "
            f"{_number(len(folders), 'folder', 'folders')} and "
            f"{_number(ignored, 'other entry', 'other entries')}. "
            f"Name a folder or archive with {LAYOUT}."
        )
    return Listing(root, files, ignored)


def _class_root(folder: Path, split: Split, *, may_be_wrapped: bool = True) -> Path:
    below = _scan(folder)[0]
    splits = {
        name
        for names in SPLIT_FOLDERS.values()
        for name in names
        if name in below and not _holds_images(folder / name)
    }
    if splits:
        for name in SPLIT_FOLDERS[split]:
            if name in splits:
                return folder / name
        raise PhotoProblem(
            f"{folder} has {' and '.join(f'{name}/' for name in sorted(splits))}, but no "
            f"{SPLIT_FOLDERS[split][0]}/ for the {split} images. Name a folder or archive with one."
        )
    if may_be_wrapped and len(below) == 1:
        inner = folder / below[0]
        if not _holds_images(inner) and _scan(inner)[0]:
            return _class_root(inner, split, may_be_wrapped=False)
    if split == "train":
        raise PhotoProblem(
            f"{folder} has no train/ with class folders, so there are no images to train on. "
            f"Name a folder or archive with test/ and train/."
        )
    return folder


def _number(count: int, one: str, many: str) -> str:
    return f"{count:,} {one if count == 1 else many}"


def _holds_images(folder: Path) -> bool:
    return any(_is_image(each) for each in _entries(folder))


def _scan(folder: Path) -> tuple[list[str], list[str], int]:
    """Return the names of a folder's folders and images, and how much else there is."""
    folders, images, others = [], [], 0
    for each in _entries(folder):
        if each.name.startswith(".") or each.name == _HIDDEN:
            others += 1
        elif _is_image(each):
            images.append(each.name)
        elif _is_folder(each):
            folders.append(each.name)
        else:
            others += 1
    return folders, images, others


def _is_image(entry: os.DirEntry[str]) -> bool:
    if entry.name.startswith(".") or not entry.name.lower().endswith(SUFFIXES):
        return False
    with contextlib.suppress(OSError):  # a link that leads in circles
        return entry.is_file()
    return False


def _is_folder(entry: os.DirEntry[str]) -> bool:
    with contextlib.suppress(OSError):
        return entry.is_dir()
    return False


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            yield from found
    except OSError as error:
        raise PhotoProblem(
            f"{folder} cannot be read ({error.strerror}). Make it readable, or name another folder."
        ) from error
