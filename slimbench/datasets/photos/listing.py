"""The images that a folder holds, by class, and a choice of them.

Found by their names, so that a million take seconds; only files whose ending says nothing are
looked into. Chosen by the hash of the name: the same on every machine, whatever order a disk lists
files in, no run of similar neighbours, and a small choice is a part of every larger one.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import heapq
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from slimbench.datasets.photos.errors import LAYOUT, PhotoProblem, printable

SUFFIXES = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff")
"""In capitals or not."""

SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG\r\n", b"BM", b"GIF8", b"II*\0", b"MM\0*")
"""What files of these kinds begin with; WebP's is in two parts."""

Split = Literal["test", "train"]

Part = Literal["all", "calibration", "rest"]
"""Of one split's images: all, or those set aside to calibrate on, or the others."""

SPLIT_FOLDERS: Mapping[Split, tuple[str, ...]] = {
    "test": ("test", "testing", "val", "valid", "validation"),
    "train": ("train", "training"),
}
"""The folders a split may be in, in capitals or not, the first that is there; ImageNet calls its
test images `val`."""

DEFAULT_LIMIT = 5000
"""At 224x224 pixels these are 753 MB of pixels to keep, a network of 100 ms takes 8 minutes for
them on one core, and the 95 % interval of an accuracy is at most 1.4 points to either side."""

MOST_CALIBRATION = 200
"""Images to calibrate on that are set aside; more change the ranges of values little."""

Photo = tuple[str, str]
"""A class folder's name and a file's path in it, with slashes."""

UNREADABLE = b"unreadable"
"""In place of the sha256 of a file that cannot be read."""

HIDDEN = "hidden"

_PACKED_BY_MACOS = "__MACOSX"
"""What macOS adds to the archives it packs; all that is in it is hidden."""


@dataclass(frozen=True, slots=True)
class Listing:
    """The folders below `root` that hold images, in sorted order, with the images' sorted paths."""

    root: Path
    files: Mapping[str, tuple[str, ...]]
    ignored: int
    """Hidden entries and files that are no images, in `root` and the class folders."""
    left_out: Mapping[str, int]
    """Those of them that are not hidden, by kind, such as `.heic`."""

    @property
    def total(self) -> int:
        """How many images there are."""
        return sum(len(names) for names in self.files.values())


def list_images(folder: Path, split: Split = "test") -> Listing:
    """Find the images of a split, also where one folder in another wraps all others.

    A folder of class folders alone counts as test images.

    Raises:
        PhotoProblem: There is no such split, no class with an image, or something that may not be
            read.
    """
    return list_classes(_class_root(folder, split))


def list_classes(root: Path) -> Listing:
    """Find the images of the class folders directly below `root`; raises like `list_images`."""
    folders, loose, others = _scan(root)
    left_out = Counter(others)
    if loose:
        left_out["image beside the class folders"] += len(loose)
    files: dict[str, tuple[str, ...]] = {}
    parts: Counter[str] = Counter()
    for name in sorted(folders):
        images, others = _walk(root / name)
        left_out += others
        if images:
            files[name] = tuple(sorted(images))
            parts.update({image.split("/")[0] for image in images if "/" in image})
    if len(files) > 1 and all("/" in image for images in files.values() for image in images):
        shared = sorted(part for part, count in parts.items() if count > 1)
        if shared:
            raise PhotoProblem(
                f"{root} holds folders of class folders ({', '.join(map(printable, files))}, with "
                f"{', '.join(map(printable, shared[:5]))} in more than one). Name the one to take, "
                f"or call them test and train."
            )
    ignored = sum(left_out.values())
    if not files:
        raise PhotoProblem(
            f"{root} has no class folder with images: it holds "
            f"{_number(len(folders), 'folder', 'folders')} and "
            f"{_number(ignored, 'other entry', 'other entries')}. "
            f"Name a folder or archive with {LAYOUT}."
        )
    del left_out[HIDDEN]
    return Listing(root, files, ignored, left_out)


def split_of(name: str) -> Split | None:
    """Return the split that a folder of this name holds, if any."""
    return next((split for split, names in SPLIT_FOLDERS.items() if name.lower() in names), None)


def split_folder(folder: Path, split: Split) -> Path | None:
    """Return the folder of a split in a folder, if there is one."""
    ranks = {name: rank for rank, name in enumerate(SPLIT_FOLDERS[split])}
    names = [name for name in _scan(folder)[0] if name.lower() in ranks]
    return folder / min(names, key=lambda name: ranks[name.lower()]) if names else None


def _class_root(folder: Path, split: Split) -> Path:
    below = _scan(folder)[0]
    splits = {name for name in below if split_of(name) and not _holds_images(folder / name)}
    if splits:
        there = split_folder(folder, split)
        if there is not None and there.name in splits:
            return there
        raise PhotoProblem(
            f"{folder} has {' and '.join(f'{name}/' for name in sorted(splits))}, but no "
            f"{SPLIT_FOLDERS[split][0]}/ for the {split} images. Name a folder or archive with one."
        )
    if len(below) == 1:
        inner = folder / below[0]
        if not _holds_images(inner) and _scan(inner)[0]:
            return _class_root(inner, split)
    if split == "train":
        raise PhotoProblem(
            f"{folder} has no train/ with class folders, so there are no images to train on. "
            f"Name a folder or archive with test/ and train/."
        )
    return folder


def _number(count: int, one: str, many: str) -> str:
    return f"{count:,} {one if count == 1 else many}"


def _holds_images(folder: Path) -> bool:
    return any(_is_image(entry) for entry in _entries(folder))


def _scan(folder: Path) -> tuple[list[str], list[str], Counter[str]]:
    """Return the names of a folder's folders and images, and how much else there is of a kind."""
    folders, images, others = [], [], Counter[str]()
    for entry in _entries(folder):
        if entry.name.startswith(".") or entry.name == _PACKED_BY_MACOS:
            others[HIDDEN] += 1
        elif _is_image(entry):
            images.append(entry.name)
        elif _is_folder(entry):
            folders.append(entry.name)
        else:
            others[Path(entry.name).suffix.lower() or "file without an ending"] += 1
    return folders, images, others


def _walk(folder: Path) -> tuple[list[str], Counter[str]]:
    """Return the paths of the images in a folder and in those below it, and what else there is."""
    images: list[str] = []
    others: Counter[str] = Counter()
    visited: set[Path] = set()
    waiting = [("", folder)]
    while waiting:
        prefix, path = waiting.pop()
        if (real := path.resolve()) in visited:  # a link that leads back
            continue
        visited.add(real)
        folders, names, left_out = _scan(path)
        others += left_out
        images.extend(prefix + name for name in names)
        waiting.extend((f"{prefix}{name}/", path / name) for name in folders)
    return images, others


def _is_image(entry: os.DirEntry[str]) -> bool:
    if entry.name.startswith("."):
        return False
    with contextlib.suppress(OSError):  # a link that leads in circles
        if not entry.is_file():
            return False
        return entry.name.lower().endswith(SUFFIXES) or holds_image(Path(entry.path))
    return False


def holds_image(path: Path) -> bool:
    """Tell whether a file begins as those of the kinds that are decoded."""
    with path.open("rb") as file:
        start = file.read(12)
    return start.startswith(SIGNATURES) or (start[:4], start[8:]) == (b"RIFF", b"WEBP")


def _is_folder(entry: os.DirEntry[str]) -> bool:
    with contextlib.suppress(OSError):
        return entry.is_dir()
    return False


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            yield from entries
    except OSError as error:
        raise PhotoProblem(
            f"{folder} cannot be read ({error.strerror}). Make it readable, or name another folder."
        ) from error


def choose(files: Mapping[str, Sequence[str]], limit: int | None) -> tuple[Photo, ...]:
    """Take at most `limit` images (None: all), as many of each class as of any other.

    Round by round one of each class that still has one, in the order of the names' hashes; in the
    last round, which may not be enough for all, the classes in the order of theirs.

    Returns:
        The chosen, by folder and then by name.

    Raises:
        ValueError: A limit under 1.
    """
    if limit is not None and limit < 1:
        raise ValueError(f"a choice of {limit} images")
    shares = _shares({folder: len(names) for folder, names in files.items()}, limit)
    chosen: list[Photo] = []
    for folder in sorted(files):
        names, share = files[folder], shares[folder]
        if share < len(names):
            names = heapq.nsmallest(share, names, key=functools.partial(_rank, folder))
        chosen.extend((folder, name) for name in sorted(names))
    return tuple(chosen)


def _shares(counts: Mapping[str, int], limit: int | None) -> Mapping[str, int]:
    """Return how many images each class gives."""
    if limit is None or sum(counts.values()) <= limit:
        return counts
    rounds, left = 0, limit
    for number, count in enumerate(sorted(counts.values())):
        cost = (count - rounds) * (len(counts) - number)
        if cost > left:
            more = left // (len(counts) - number)
            rounds, left = rounds + more, left - more * (len(counts) - number)
            break
        rounds, left = count, left - cost
    unfinished = sorted((name for name in counts if counts[name] > rounds), key=_rank)
    extra = set(unfinished[:left])
    return {name: min(count, rounds) + (name in extra) for name, count in counts.items()}


def _rank(*names: str) -> bytes:
    return hashlib.sha256("/".join(names).encode("utf-8", "surrogateescape")).digest()


def choose_part(
    files: Mapping[str, Sequence[str]], limit: int | None, part: Part
) -> tuple[Photo, ...]:
    """Choose from a part of the images; `limit` is not for those to calibrate on.

    To calibrate on are a tenth of the images, at least one and at most half of each class's, and
    at most `MOST_CALIBRATION` in all. A class with one image keeps it.
    """
    if part == "all":
        return choose(files, limit)
    halves = {
        folder: heapq.nsmallest(len(names) // 2, names, key=functools.partial(_rank, folder))
        for folder, names in files.items()
        if len(names) > 1
    }
    tenth = sum(map(len, files.values())) // 10
    calibration = choose(halves, min(MOST_CALIBRATION, max(tenth, len(halves), 1)))
    if part == "calibration":
        return calibration
    aside = set(calibration)
    rest = {
        folder: [name for name in names if (folder, name) not in aside]
        for folder, names in files.items()
    }
    return choose(rest, limit)


class ContentHash:
    """The sha256 of a choice: all class folders' names, then each image's name and own sha256.

    So that what is made of the images depends on them and not on where they lie.
    """

    def __init__(self, folders: Sequence[str]) -> None:
        self._digest = hashlib.sha256()
        for folder in sorted(folders):
            self._add(folder.encode("utf-8", "surrogateescape"))

    def add(self, photo: Photo, fingerprint: bytes) -> None:
        """Add the next image."""
        self._add("/".join(photo).encode("utf-8", "surrogateescape"))
        self._add(fingerprint)

    def hexdigest(self) -> str:
        """Return the hash of what was added so far."""
        return self._digest.hexdigest()

    def _add(self, part: bytes) -> None:
        self._digest.update(len(part).to_bytes(4, "big") + part)


def content_sha256(root: Path, folders: Sequence[str], photos: Sequence[Photo]) -> str:
    """Return the `ContentHash` of chosen images, reading each of them once."""
    content = ContentHash(folders)
    for photo in photos:
        content.add(photo, fingerprint(root.joinpath(*photo)))
    return content.hexdigest()


def fingerprint(path: Path) -> bytes:
    """Return a file's sha256; of a file that cannot be read, a word that says so."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    except OSError:
        return UNREADABLE
