"""A model's conventions: which pixels it expects, what its classes are called, and a check of both.

A user's options come first, then what the metadata of the file says. A model that is fed the wrong
way, or whose classes are taken for others, is right about as often as guessing is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from slimbench.datasets.photos.labelling import BACKGROUND
from slimbench.errors import UsageProblem
from slimbench.pixels import CAFFE_MEANS, MODES, guess
from slimbench.spec import PixelMode
from slimbench.tflite.metadata import Metadata
from slimbench.user_models.model_file import ModelFile

IMAGENET_CLASSES = 1000

MOST_BYTES = 64 * 2**20
"""Of a label file; a longer one is something else."""

TIMES_CHANCE = 2.0
SHARE_ABOVE = 0.1
"""Accuracies below min(2 p, p + 0.1 (1 - p)) count as near chance, p = 1 / classes."""


@dataclass(frozen=True, slots=True)
class ExpectedPixels:
    """A pixel mode, and in words where it comes from."""

    mode: PixelMode
    origin: str


@dataclass(frozen=True, slots=True)
class ClassNames:
    """The names of a model's classes, in its order, and in words where they come from.

    Without names the data's folders, sorted, are its classes.
    """

    names: tuple[str, ...]
    origin: str


def expected_pixels(
    path: Path,
    model: ModelFile,
    option: PixelMode | None,
    metadata: Metadata | None,
    *,
    scored: bool = True,
) -> ExpectedPixels:
    """Return the mode of the option, else of the metadata, else of the quantisation, else raw.

    A range that tells no mode does not matter where nothing is `scored`.

    Raises:
        UsageProblem: The mode is for other channels, the normalisation in the metadata is none of
            the modes, or the range of a quantised input tells none.
    """
    if option is not None:
        if option in ("caffe", "torch") and model.channels != len(CAFFE_MEANS):
            raise UsageProblem(
                f"--pixels {option} is for models of 3 channels, and {path} has {model.channels}. "
                "Choose raw, 0..1 or -1..1."
            )
        return ExpectedPixels(option, "--pixels")
    if metadata is not None and metadata.mean and metadata.std:
        if metadata.pixels is None:
            mean, std = _listed(metadata.mean), _listed(metadata.std)
            raise UsageProblem(
                f"The metadata of {path} asks for (pixel - mean) / deviation with means {mean} and "
                f"deviations {std}, which is none of the ways that are known. Choose the nearest "
                "with --pixels."
            )
        return ExpectedPixels(metadata.pixels, "its metadata")
    if model.quantization is not None:
        low, high = model.quantization.real_range
        # 16 bits are around 0 whatever they stand for, as the format of such files has it.
        mode = guess(low, high) if model.quantization.dtype != np.int16 else None
        if mode is not None:
            return ExpectedPixels(mode, "its quantisation")
        if scored:
            raise UsageProblem(
                f"{path} takes {model.quantization.dtype.name} values that stand for {low:.4g} to "
                f"{high:.4g}, which does not tell how it was fed when it was trained. Say so with "
                f"--pixels: {', '.join(MODES)}."
            )
        return ExpectedPixels("raw", "nothing tells, and nothing is scored")
    return ExpectedPixels("raw", "nothing said otherwise")


def class_names(
    model: Path, classes: int, file: Path | None, metadata: Metadata | None
) -> ClassNames:
    """Return the names of a model's classes; raises UsageProblem where their number differs."""
    if file is not None:
        return ClassNames(_matching(read_labels(file), classes, f"{file}", model), f"{file.name}")
    if metadata is not None and metadata.labels:
        where = f"The metadata of {model}"
        return ClassNames(_matching(metadata.labels, classes, where, model), "its metadata")
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


MOST_LOST = 0.02
"""Of the accuracy that quantising may take before it is warned of."""


def is_near_chance(interval: Sequence[float], classes: int) -> bool:
    """Tell whether an accuracy with this 95 % interval (low, high) may be no better than guessing.

    Either chance, 1 / `classes`, lies within the interval, or all of it is hardly higher.
    """
    low, high = interval
    chance = 1 / classes
    hardly_better = min(TIMES_CHANCE * chance, chance + SHARE_ABOVE * (1 - chance))
    return low <= chance <= high or high < hardly_better


def near_chance(model: str, share: float, classes: int, pixels: str) -> str:
    """Return the warning that a model does hardly better than guessing among its classes."""
    return (
        f"{model} is right on {share:.1%} of the images, about as often as guessing among "
        f"{classes:,} classes: it may expect other pixels than {pixels} (--pixels) or have its "
        "classes in another order (--labels)."
    )


def lost_by_quantising(model: str, before: float, after: float, calibrated_on: str) -> str | None:
    """Return the warning that a quantised form is right more than 2 points less often, if it is.

    Args:
        model: the quantised form's name.
        before: the share that the float model is right on, 0 to 1.
        after: the share that the quantised form is right on.
        calibrated_on: what set its ranges, in words; empty where nothing did.
    """
    if before - after <= MOST_LOST:
        return None
    cause = (
        f"it was calibrated on {calibrated_on}, fed as --pixels says: if these are not like those "
        "it will see, or are few, give more (a train/ folder), and check --pixels"
        if calibrated_on
        else "its weights do not bear this precision; try another quantize(...)"
    )
    return (
        f"{model} is right on {after:.1%} of the images, its float model on {before:.1%}. "
        f"The likely cause: {cause}."
    )


def _listed(values: Sequence[float]) -> str:
    return ", ".join(f"{value:g}" for value in values)


def _matching(labels: tuple[str, ...], classes: int, where: str, model: Path) -> tuple[str, ...]:
    """Return one label per class, with the background's put in front where it alone is missing."""
    if len(labels) == classes:
        return labels
    if len(labels) == IMAGENET_CLASSES and classes == IMAGENET_CLASSES + 1:
        return (BACKGROUND, *labels)
    noun = "label" if len(labels) == 1 else "labels"
    raise UsageProblem(
        f"{where} has {len(labels):,} {noun}, and {model} has {classes:,} classes. Give one label "
        "a class, in the model's order, in a file named by --labels."
    )
