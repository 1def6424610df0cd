"""What goes into a file's metadata: its classes, and what becomes of a pixel before its input."""

from __future__ import annotations

from dataclasses import dataclass

from slimbench import datasets
from slimbench.datasets.photos.labelling import BACKGROUND, imagenet_classes
from slimbench.export.source import Source
from slimbench.history import rebuild_command
from slimbench.history.record import Entry
from slimbench.spec import Unmeasured
from slimbench.tflite.class_count import class_count
from slimbench.tflite.metadata import Metadata, normalization

IMAGENET = "imagenet"
"""The data set of networks that were trained elsewhere, on ImageNet's 1,000 classes."""


@dataclass(frozen=True, slots=True)
class Described:
    """Metadata for a file, and why it lacks what it lacks."""

    metadata: Metadata
    reasons: dict[str, str]


def describe(source: Source, licence: str | None) -> Described:
    """Return the metadata of an exported file; `licence` is that of its weights."""
    reasons: dict[str, str] = {}
    entry = source.entries[0]
    labels = _labels(source, class_count(source.model))
    if isinstance(labels, Unmeasured):
        reasons["labels"] = labels.reason
    scale = normalization(source.pixels)
    if scale is None:
        reasons["input.normalization"] = f"metadata cannot express the pixel mode {source.pixels}"
    metadata = Metadata(
        name=source.variant,
        description=f"Image classifier, classes of {entry.dataset}.",
        licence=licence,
        labels=None if isinstance(labels, Unmeasured) else labels,
        mean=None if scale is None else scale[0],
        std=None if scale is None else scale[1],
        channels=entry.input_shape[-1],
    )
    return Described(metadata, reasons)


def _labels(source: Source, classes: int) -> tuple[str, ...] | Unmeasured:
    dataset = source.entries[0].dataset
    known = datasets.all_datasets()
    if rebuild_command.is_user_profile(source.history.profile):
        if not source.classes:
            return Unmeasured(_without_names(source.entries[0]))
        names = source.classes
    elif dataset in known:
        names = known[dataset].classes
    elif dataset == IMAGENET:
        names = tuple(imagenet_classes().values())
        names = (BACKGROUND, *names) if classes == len(names) + 1 else names
    else:
        return Unmeasured(f"the class names of data set {dataset} are not known here")
    if len(names) != classes:
        return Unmeasured(f"{dataset} has {len(names)} classes, the file {classes}")
    return names


def _without_names(entry: Entry) -> str:
    if entry.eval_sha256 is None:
        return "it was measured without data, so nothing names its classes; measure it with --data"
    return "the images it was scored on, which name its classes, are no longer in the store"
