"""A model as its user names it: `NAME=PATH`, of one of the kinds of file that can be measured."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from slimbench.errors import UsageProblem

Form = Literal["tflite", "keras", "h5", "saved_model"]
"""A TensorFlow Lite file, Keras's own format, Keras's HDF5 format, or a TensorFlow SavedModel."""

SUFFIXES: dict[str, Form] = {".tflite": "tflite", ".keras": "keras", ".h5": "h5", ".hdf5": "h5"}

SAVED_MODEL_MARK = "saved_model.pb"

MARKS: dict[Form, tuple[int, bytes]] = {
    "tflite": (4, b"TFL3"),
    "keras": (0, b"PK\x03\x04"),
    "h5": (0, b"\x89HDF\r\n\x1a\n"),
}
"""What files of each kind hold at which place near their start."""

KINDS = "a .tflite, .keras or .h5 file, or the folder of a SavedModel"

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.]{0,79}")


@dataclass(frozen=True, slots=True)
class Source:
    """A model that a user brought; `content` is the sha256 of what it holds."""

    name: str
    path: Path
    form: Form
    content: str


def find_sources(typed: Sequence[str]) -> tuple[Source, ...]:
    """Return the models of `--model NAME=PATH` options, in their order.

    Raises:
        UsageProblem: One is not written so, is no model, cannot be read, or shares its name.
    """
    found: dict[str, Source] = {}
    for each in typed:
        source = _find(each)
        if source.name in found:
            raise UsageProblem(
                f"Two models are called {source.name!r}: {found[source.name].path} and "
                f"{source.path}. Give each --model a name of its own."
            )
        found[source.name] = source
    return tuple(found.values())


def _find(typed: str) -> Source:
    name, equals, path = typed.partition("=")
    if not equals or not path:
        raise UsageProblem(
            f"--model takes NAME=PATH, such as --model mine=mine.tflite, not {typed!r}."
        )
    if not NAME.fullmatch(name):
        raise UsageProblem(
            f"{name!r} cannot be a model's name: it takes letters, digits, '_' and '.', begins "
            "with a letter or digit, and is at most 80 long. A '-' parts it from engine and "
            "threads."
        )
    place = Path(path).expanduser().absolute()
    form = form_of(place)
    try:
        return Source(name, place, form, content_of(place))
    except OSError as error:
        raise _unreadable(place, error) from error


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
        raise _unreadable(path, error) from error
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


def _unreadable(path: Path, error: OSError) -> UsageProblem:
    why = error.strerror or error
    return UsageProblem(f"{path} cannot be read: {why}. Make it readable, or name another.")


def changed(path: Path) -> ValueError:
    """Say that a model is no longer the one that a run was planned with."""
    return ValueError(f"{path} changed since this run began. Run it again.")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
