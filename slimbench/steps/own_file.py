"""A model file of a user's, taken into the store so that what was measured is kept."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Literal

from slimbench.errors import UsageProblem
from slimbench.networks import weights
from slimbench.spec import MODEL_FILE, NOT_HASHED, Step, Workplace
from slimbench.tflite.model import IDENTIFIER

Form = Literal["tflite", "keras", "h5", "saved_model"]
"""A TensorFlow Lite file, Keras's own format, Keras's HDF5 format, or a TensorFlow SavedModel."""

SUFFIXES: dict[str, Form] = {".tflite": "tflite", ".keras": "keras", ".h5": "h5", ".hdf5": "h5"}

SAVED_MODEL_MARK = "saved_model.pb"

MARKS: dict[Form, tuple[int, bytes]] = {
    "tflite": (4, IDENTIFIER),
    "keras": (0, b"PK\x03\x04"),
    "h5": (0, b"\x89HDF\r\n\x1a\n"),
}
"""What files of each kind hold at which place near their start."""

KINDS = "a .tflite, .keras or .h5 file, or the folder of a SavedModel"


@dataclass(frozen=True, slots=True)
class Source:
    """A model that a user brought; `content` is the sha256 of what it holds."""

    name: str
    path: Path
    form: Form
    content: str


@dataclass(frozen=True, slots=True)
class OwnFile(Step):
    """Copy a file; `content` is its sha256, so the same file under another name is the same."""

    content: str
    name: str = field(metadata=NOT_HASHED)
    path: Path = field(metadata=NOT_HASHED)

    action: ClassVar[str] = "taking in"
    usual_seconds: ClassVar[float] = 0.5

    def label(self) -> str:
        """Give the name that its user gave it."""
        return self.name

    def run(self, place: Workplace) -> None:
        """Write `model.tflite`; raises ValueError where the file is not the one that was named."""
        shutil.copyfile(self.path, place.out / MODEL_FILE)
        if content_of(place.out / MODEL_FILE) != self.content:
            raise changed(self.path)
        weights.write_notes(place.out, {})


def form_of(path: Path) -> Form:
    """Tell what kind of model a path is; raises UsageProblem where it is none."""
    if not path.exists():
        raise UsageProblem(f"There is no model {path}. Name {KINDS}.")
    if path.is_dir():
        if not (path / SAVED_MODEL_MARK).is_file():
            raise UsageProblem(
                f"{path} is a folder without {SAVED_MODEL_MARK}, so no SavedModel. Name {KINDS}."
            )
        return "saved_model"
    if path.suffix.lower() not in SUFFIXES:
        raise UsageProblem(f"{path} is of no known kind. Name {KINDS}.")
    form = SUFFIXES[path.suffix.lower()]
    place, mark = MARKS[form]
    try:
        with path.open("rb") as file:
            start = file.read(place + len(mark))
    except OSError as error:
        raise unreadable(path, error) from error
    if not start:
        raise UsageProblem(f"{path} is empty. Build or copy the model again.")
    if start[place:] != mark:
        raise UsageProblem(
            f"{path} is no {path.suffix.lower()} model: it does not begin as one. Name {KINDS}, "
            "or build or copy it again."
        )
    return form


def content_of(path: Path) -> str:
    """Return the sha256 of a file, or of a folder's files with their paths in it."""
    if not path.is_dir():
        return _sha256(path)
    digest = hashlib.sha256()
    for each in sorted(path.rglob("*")):
        if each.is_file():
            digest.update(f"{each.relative_to(path).as_posix()}\0{_sha256(each)}\n".encode())
    return digest.hexdigest()


def unreadable(path: Path, error: OSError) -> UsageProblem:
    """Say that a model cannot be read, and why."""
    why = error.strerror or error
    return UsageProblem(f"{path} cannot be read: {why}. Make it readable, or name another.")


def changed(path: Path) -> ValueError:
    """Say that a model is no longer the one that a run was planned with."""
    return ValueError(f"{path} changed since this run began. Run it again.")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
