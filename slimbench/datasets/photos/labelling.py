"""Which class of a model each folder of images stands for.

ImageNet's folders are named by WordNet numbers (wnids), and every model of 1,000 classes has them
in sorted order. Others are named as the model's labels, by whatever spelling, or, where it has
none, sorted: by number where they are called 0 to n - 1, else as text.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from slimbench.datasets.photos.errors import PhotoProblem, printable

CLASS_FILE = Path(__file__).with_name("imagenet_classes.txt")
"""Wnid and English name of the 1,000 classes of ImageNet's challenge of 2012, in class order.
Numbers and names are those of the class index that `keras.applications` decodes predictions by."""

BACKGROUND = "background"
"""The class before all others in models of 1,001 classes, as those of TensorFlow's own
collections; no image of it exists."""

_NAMED = 5


@dataclass(frozen=True, slots=True)
class Labelling:
    """The model's classes by index, and the index of each folder."""

    classes: tuple[str, ...]
    indices: Mapping[str, int]
    note: str = ""
    """What a person should check of it; empty where nothing was guessed."""

    def present(self, labels: Iterable[int]) -> tuple[int, ...] | None:
        """Return the classes among labels, ascending; None where all are, but the background."""
        present = set(labels)
        possible = {index for index, name in enumerate(self.classes) if index or name != BACKGROUND}
        return None if possible <= present else tuple(sorted(present))


@functools.cache
def imagenet_classes() -> Mapping[str, str]:
    """Return the 1,000 wnids in class order with a name each, all names different."""
    lines = CLASS_FILE.read_text(encoding="utf-8").splitlines()
    pairs = [tuple(line.split(" ", 1)) for line in lines]
    times = Counter(name for _, name in pairs)
    return {wnid: name if times[name] == 1 else f"{name} ({wnid})" for wnid, name in pairs}


def label_folders(
    folders: Collection[str],
    classes: int | None = None,
    labels: Sequence[str] = (),
    offset: int | None = None,
) -> Labelling:
    """Find the class of each folder.

    Args:
        folders: Names of the folders that hold images.
        classes: How many the model tells apart; None where the folders themselves decide.
        labels: The model's names for its classes, by index, where it has such.
        offset: How many classes come before the first that has images: 1 for a background class.
            None finds out: 1 for a model of 1,001 classes and ImageNet's folders, else 0.

    Raises:
        PhotoProblem: Labels, classes and folders do not go together.
    """
    names = sorted(folders, key=int) if are_numbered(folders) else sorted(folders)
    imagenet = imagenet_classes()
    are_imagenet = set(names) <= imagenet.keys()
    if labels and classes is not None and len(labels) != classes:
        raise PhotoProblem(
            f"The model has {classes:,} classes and the list of labels {len(labels):,}. "
            "Give one label a class, in the model's order."
        )
    if labels and set(names) <= set(labels):
        return _by_label(names, labels)
    if labels and (spelled := _by_spelling(names, labels)) is not None:
        return spelled
    if labels and are_numbered(names) and len(names) == len(labels):
        return Labelling(tuple(labels), {name: int(name) for name in names})
    count = len(labels) if labels else classes
    before = offset if offset is not None else int(are_imagenet and count == len(imagenet) + 1)
    if are_imagenet and count == len(imagenet) + before:
        model_classes = tuple(labels) or (*[BACKGROUND] * before, *imagenet.values())
        indices = {wnid: index for index, wnid in enumerate(imagenet, start=before)}
        return Labelling(model_classes, {name: indices[name] for name in names})
    if labels:
        unknown = [name for name in names if name not in set(labels)]
        raise PhotoProblem(
            f"{_not_among(unknown)} the model's labels ({_few(labels)}). "
            "Name the folders as the labels, or give other labels."
        )
    if count is not None and len(names) + before != count:
        raise PhotoProblem(_mismatch(names, count, are_imagenet=are_imagenet))
    return Labelling(
        (*[BACKGROUND] * before, *names),
        {name: index for index, name in enumerate(names, start=before)},
        _order_note(names),
    )


def are_numbered(folders: Collection[str]) -> bool:
    """Tell whether folders are called by the numbers 0 to n - 1, with leading zeros or not."""
    if not all(name.isascii() and name.isdigit() and len(name) < 10 for name in folders):
        return False
    return sorted(map(int, folders)) == [*range(len(folders))]


def _order_note(names: Sequence[str]) -> str:
    """Return a sentence where text and the numbers in it order folders differently."""
    if are_numbered(names):
        return ""
    by_number = sorted(names, key=_numbers_in)
    if by_number == [*names]:
        return ""
    first = next(index for index in range(len(names)) if by_number[index] != names[index])
    before, after = printable(names[first]), printable(by_number[first])
    return (
        f"the folders were taken for the model's classes in the order of text, {before} before "
        f"{after}; if the model has them in another order, name it with --labels"
    )


def _numbers_in(name: str) -> list[tuple[int, str]]:
    parts = re.split(r"([0-9]+)", name)
    return [(int(part), "") if part.isdigit() else (-1, part) for part in parts if part]


def _by_spelling(names: Sequence[str], labels: Sequence[str]) -> Labelling | None:
    """Match folders and labels but for letter case, form of Unicode, and leading numbers."""
    indices = {_plain_spelling(label): index for index, label in enumerate(labels)}
    spellings = [_plain_spelling(name) for name in names]
    if len(indices) < len(labels) or len(set(spellings)) < len(names):
        return None
    if not indices.keys() >= set(spellings):
        return None
    by_name = {name: indices[spelling] for name, spelling in zip(names, spellings, strict=True)}
    return Labelling(tuple(labels), by_name)


def _plain_spelling(name: str) -> str:
    text = re.sub(r"[\s_]+", " ", unicodedata.normalize("NFC", name)).strip().casefold()
    return re.sub(r"^[0-9]+[ :.\-]+(?=.)", "", text)


def _by_label(names: Sequence[str], labels: Sequence[str]) -> Labelling:
    times = Counter(labels)
    for name in names:
        if times[name] > 1:
            raise PhotoProblem(
                f"The label '{printable(name)}' stands {times[name]} times in the list of labels, "
                "so it is not clear which class the folder is. Make the labels differ."
            )
    return Labelling(tuple(labels), {name: labels.index(name) for name in names})


def _mismatch(names: Sequence[str], count: int, *, are_imagenet: bool) -> str:
    noun = "class" if len(names) == 1 else "classes"
    counts = f"The data has {len(names):,} {noun} ({_few(names)}), the model {count:,}."
    imagenet = imagenet_classes()
    unknown = [name for name in names if name not in imagenet]
    if count in (len(imagenet), len(imagenet) + 1) and len(unknown) < len(names):
        return f"{counts} {_not_among(unknown)} ImageNet's 1,000 wnids. Take such folders away."
    if are_imagenet:
        return f"{counts} Name the model's labels, in its order, to score it on ImageNet's folders."
    if count in (len(imagenet), len(imagenet) + 1):
        return f"{counts} Name the folders by ImageNet's wnids (n01440764), or name the labels."
    return f"{counts} Give data of the classes it was trained on, or name its labels, in order."


def _not_among(names: Sequence[str]) -> str:
    noun, verb = ("Folder", "is") if len(names) == 1 else ("Folders", "are")
    return f"{noun} {_few(names)} {verb} not among"


def _few(names: Sequence[str]) -> str:
    first = ", ".join(printable(name) for name in names[:_NAMED])
    return f"{first}, ..." if len(names) > _NAMED else first
