"""What a user's model calls its classes: as a file says, else as the model's metadata does."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from slimbench.datasets.photos.labelling import BACKGROUND
from slimbench.errors import UsageProblem
from slimbench.tflite.metadata import Metadata

IMAGENET_CLASSES = 1000

MOST_BYTES = 64 * 2**20
"""Of a label file; a longer one is something else."""


@dataclass(frozen=True, slots=True)
class ClassNames:
    """The names of a model's classes, in its order, and where they are from.

    No names: the data's folders, sorted, are its classes.
    """

    names: tuple[str, ...]
    origin: str


def class_names(
    model: Path, classes: int, file: Path | None, metadata: Metadata | None
) -> ClassNames:
    """Return the names of a model's classes; raises UsageProblem where their number differs."""
    if file is not None:
        return ClassNames(_fitting(read_labels(file), classes, f"{file}", model), f"{file.name}")
    if metadata is not None and metadata.labels:
        where = f"The metadata of {model}"
        return ClassNames(_fitting(metadata.labels, classes, where, model), "its metadata")
    return ClassNames((), "the folders' names")


def read_labels(file: Path) -> tuple[str, ...]:
    """Return the labels of a text file, one a line; raises UsageProblem, naming file and line."""
    try:
        if file.stat().st_size > MOST_BYTES:
            raise UsageProblem(f"{file} is too large for a list of labels. Name a text file.")
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageProblem(
            f"{file} is no text in UTF-8. --labels takes a file with one label a line."
        ) from error
    except OSError as error:
        raise UsageProblem(
            f"{file} cannot be read: {error.strerror or error}. --labels takes a file with one "
            "label a line."
        ) from error
    labels = tuple(line.strip() for line in text.rstrip().split("\n"))
    for number, label in enumerate(labels, start=1):
        if not label:
            what = "has no label" if len(labels) > 1 else "is empty"
            where = f"{file}:{number}" if len(labels) > 1 else f"{file}"
            raise UsageProblem(f"{where} {what}. Write one label a line, in the model's order.")
    return labels


def _fitting(labels: tuple[str, ...], classes: int, where: str, model: Path) -> tuple[str, ...]:
    """Return labels for every class, the background's put in front where it alone has none."""
    if len(labels) == classes:
        return labels
    if len(labels) == IMAGENET_CLASSES and classes == IMAGENET_CLASSES + 1:
        return (BACKGROUND, *labels)
    noun = "label" if len(labels) == 1 else "labels"
    raise UsageProblem(
        f"{where} has {len(labels):,} {noun}, and {model} has {classes:,} classes. Give one label "
        "a class, in the model's order, in a file named by --labels."
    )
