"""A model file and the row of the history that measured it, held against each other.

Whatever names a model, a manifest or a saved run, it is served only through here: the file is the
one that was measured, by LiteRT with one thread, and its figures are those of that row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from slimbench.build.store import file_sha256
from slimbench.errors import UsageProblem
from slimbench.history.document import HistoryError, read
from slimbench.history.machine import cpu
from slimbench.history.record import Entry, History, record
from slimbench.spec import Case
from slimbench.tflite.model import class_count
from slimbench.webapp.spec import ServedModel

ENGINE, THREADS = "litert", 1
"""What serves; a worker computes with one thread, so the rows of one thread are its figures."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """A row of a history, typed and as it stands in the file."""

    history: History
    entry: Entry
    extra_info: Mapping[str, Any]
    taken: str


def measurement(path: Path, variant: str) -> Measurement:
    """Return what a history says of a variant on LiteRT with one thread.

    Raises:
        UsageProblem: The history cannot be read, contradicts itself or has no such row.
    """
    try:
        document = read(path)
        history = record(document, path)
    except HistoryError as error:
        raise UsageProblem(str(error)) from error
    case = Case(variant, ENGINE, THREADS)
    entry = history.entry(case)
    if entry is None:
        measured = sorted(
            each.case.variant
            for each in history.entries
            if (each.case.engine, each.case.threads) == (ENGINE, THREADS)
        )
        raise UsageProblem(
            f"{path} has no row of {variant} on {ENGINE} with {THREADS} thread. "
            f"It has: {', '.join(measured) or 'none of any variant'}."
        )
    row = next(
        benchmark["extra_info"]
        for benchmark, each in zip(document["benchmarks"], history.entries, strict=True)
        if each is entry
    )
    return Measurement(history, entry, row, document["datetime"])


def served(
    measured: Measurement, version: str, file: Path, classes: tuple[str, ...]
) -> ServedModel:
    """Return a model that can be served; its file is read and hashed.

    Raises:
        UsageProblem: The file cannot be read, is not the one that was measured, or does not fit
            the history or its classes.
    """
    entry, where = measured.entry, measured.history.path
    sha256 = sha256_of(file)
    if sha256 != entry.model_sha256:
        raise UsageProblem(
            f"{file} has sha256 {sha256[:12]}, but {where} measured {entry.case.variant} of "
            f"{entry.model_sha256[:12]}. Name the file that was measured, or measure this one."
        )
    outputs = _outputs(file)
    if outputs != len(classes):
        raise UsageProblem(
            f"{file} gives {outputs} scores, but {len(classes)} classes are named. "
            "Name one class for each score, in the model's order."
        )
    return ServedModel(
        name=entry.case.variant,
        version=version,
        sha256=sha256,
        file=file,
        classes=classes,
        input_shape=_image_shape(measured),
        pixels=entry.pixels,
        history=where,
        entry=measured.extra_info,
        machine=cpu(measured.history.machine),
        taken=measured.taken,
    )


def sha256_of(file: Path) -> str:
    """Return the hexadecimal sha256 of a file; raises UsageProblem where it cannot be read."""
    try:
        if not file.is_file():
            raise UsageProblem(f"There is no model file {file}. Put it there, or name another.")
        return file_sha256(file)
    except OSError as error:
        raise UsageProblem(f"{file} cannot be read: {error.strerror or error}.") from error


def _outputs(file: Path) -> int:
    try:
        return class_count(file)
    except ValueError as error:
        raise UsageProblem(f"{file} is not a .tflite file of a classifier.") from error


def _image_shape(measured: Measurement) -> tuple[int, int, int]:
    """Return height, width and channels of what was fed; the page feeds what a camera gives."""
    shape = measured.entry.input_shape
    if len(shape) != 4 or shape[0] != 1 or shape[3] not in (1, 3):
        raise UsageProblem(
            f"{measured.history.path}: {measured.entry.case.variant} takes inputs of shape "
            f"{shape}, not (1, height, width, 1 or 3): a picture cannot be fed to it."
        )
    return shape[1], shape[2], shape[3]
