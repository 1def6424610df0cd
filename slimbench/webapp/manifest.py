"""The manifest: which versions of a model there are, which is stable, and which is the canary.

A TOML file with `stable`, a table `[versions.<version>]` for each version and maybe `[canary]`
with `version` and `weight`. Nothing in it is believed: files are hashed, figures are held against
the history that they come from. Only the versions that are served are read; others are there to
go back to.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any, TypeGuard

from slimbench.errors import UsageProblem
from slimbench.pixels import MODES
from slimbench.suite.toml_file import Keys, TomlFile, read_toml, shown
from slimbench.webapp.measured import Measurement, measurement, served, sha256_of
from slimbench.webapp.spec import ServedModel

DEFAULT = Path(__file__).with_name("models") / "manifest.toml"
"""The manifest of the model that comes with the project."""

TOP = ("stable", "versions", "canary")
NEEDED = ("name", "file", "sha256", "classes", "history")
OPTIONAL = ("pixels", "accuracy")
CANARY = ("version", "weight")

Table = Mapping[str, Any]
Names = tuple[str, ...]

_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_ROUNDING = 1e-9
"""Between an accuracy as the history has it and as it was copied."""


class ManifestProblem(UsageProblem):
    """A manifest that cannot be served; the message begins with `file:line`."""


@dataclass(frozen=True, slots=True)
class Models:
    """What is served: the stable version, and maybe a canary for a share of the clients.

    `canary_problem` says why there is no canary although one was asked for.
    """

    stable: ServedModel
    canary: ServedModel | None = None
    weight: float = 0.0
    canary_problem: str | None = None


def read_manifest(path: Path = DEFAULT) -> Models:
    """Read a manifest and verify what it names.

    Raises:
        ManifestProblem: The file or its stable version cannot be served. A canary that cannot be
            is left out instead, and `canary_problem` says why.
    """
    file = read_toml(path, ManifestProblem)
    stable = _model(file, stable_version(file))
    if "canary" not in file.tables:
        return Models(stable)
    try:
        version, weight = canary_version(file)
        return Models(stable, _canary(file, version, stable), weight)
    except UsageProblem as problem:
        return Models(stable, canary_problem=str(problem))


def stable_version(file: TomlFile) -> str:
    """Return the stable version's name; raises ManifestProblem where the manifest has none."""
    for key in file.tables:
        if key not in TOP:
            raise _wrong(file, (key,), f"is unknown. There is: {', '.join(TOP)}")
    if "stable" not in file.tables:
        raise ManifestProblem(
            f'{file.path}: names no stable version: add a line such as stable = "1".'
        )
    return _version(file, ("stable",), file.tables["stable"])


def canary_version(file: TomlFile) -> tuple[str, float]:
    """Return the canary's version and weight; raises ManifestProblem where they are not right."""
    table = _table(file, ("canary",), CANARY, ())
    weight = table["weight"]
    if not _is_number(weight) or not 0 <= weight <= 1:  # NaN is not either
        raise _wrong(file, ("canary", "weight"), f"must be from 0 to 1, not {shown(weight)}")
    return _version(file, ("canary", "version"), table["version"]), float(weight)


def _canary(file: TomlFile, version: str, stable: ServedModel) -> ServedModel:
    where = ("canary", "version")
    if version == stable.version:
        raise _wrong(file, where, f"is {version!r}, which is stable: name another version")
    canary = _model(file, version)
    if canary.classes != stable.classes:
        raise _wrong(
            file, where, f"{version!r} has other classes than stable: a client could not tell"
        )
    return canary


def _model(file: TomlFile, version: str) -> ServedModel:
    """Return a version, verified; every problem names its place in the manifest."""
    where = ("versions", version)
    table = _table(file, where, NEEDED, OPTIONAL)
    name, sha256 = (_text(file, where, table, key) for key in ("name", "sha256"))
    model, history = (_path(file, where, table, key) for key in ("file", "history"))
    classes = table["classes"]
    if not isinstance(classes, list) or not classes or not all(map(_is_name, classes)):
        raise _wrong(file, (*where, "classes"), f"must be a list of names, not {shown(classes)}")
    if not _SHA256.fullmatch(sha256):
        raise _wrong(file, (*where, "sha256"), "must be 64 hexadecimal digits in lower case")
    try:
        found = sha256_of(model)
        if found != sha256:
            raise _wrong(
                file,
                (*where, "sha256"),
                f"is {sha256[:12]}, but {model} has {found[:12]}: it was damaged or exchanged. "
                "Put the right file there, or correct the manifest",
            )
        measured = measurement(history, name)
        made = served(measured, version, model, tuple(classes))
    except ManifestProblem:
        raise
    except UsageProblem as problem:
        raise ManifestProblem(f"{file.at(*where)}: {problem}") from problem
    _check_pixels(file, where, table, measured)
    _check_accuracy(file, where, table, measured)
    return made


def _check_pixels(file: TomlFile, where: Keys, table: Table, measured: Measurement) -> None:
    pixels = table.get("pixels", "raw")
    if pixels not in MODES:
        raise _wrong(
            file, (*where, "pixels"), f"must be one of {', '.join(MODES)}, not {shown(pixels)}"
        )
    if pixels != measured.entry.pixels:
        raise _wrong(
            file,
            (*where, "pixels"),
            f"is {pixels!r}, but it was measured with {measured.entry.pixels!r}: write that",
        )


def _check_accuracy(file: TomlFile, where: Keys, table: Table, measured: Measurement) -> None:
    entry, claimed = measured.entry, table.get("accuracy")
    if claimed is None and entry.accuracy_top1 is None:
        return
    if entry.accuracy_top1 is None:
        reason = entry.reasons["accuracy_top1"]
        raise _wrong(file, (*where, "accuracy"), f"was not measured ({reason}): take the line away")
    if not _is_number(claimed) or not abs(claimed - entry.accuracy_top1) <= _ROUNDING:
        raise _wrong(
            file,
            (*where, "accuracy"),
            f"must be that of the history, {entry.accuracy_top1!r}, not {shown(claimed)}",
        )


def _table(file: TomlFile, where: Keys, needed: Names, optional: Names) -> Table:
    """Return the table at these keys, which has all it needs and nothing that nobody reads."""
    found: Any = file.tables
    for depth, key in enumerate(where, start=1):
        if not isinstance(found, dict) or key not in found:
            raise ManifestProblem(
                f"{file.path}: has no table [{'.'.join(where[:depth])}]: add it, or name another."
            )
        found = found[key]
    if not isinstance(found, dict):
        raise _wrong(file, where, f"must be a table, not {shown(found)}")
    known = (*needed, *optional)
    for key in found:
        if key not in known:
            raise _wrong(file, (*where, key), f"is unknown. There is: {', '.join(known)}")
    if missing := [key for key in needed if key not in found]:
        raise _wrong(file, where, f"lacks {', '.join(missing)}")
    return found


def _text(file: TomlFile, where: Keys, table: Table, key: str) -> str:
    value = table[key]
    if not _is_name(value):
        raise _wrong(file, (*where, key), f"must be a text, not {shown(value)}")
    return str(value)


def _path(file: TomlFile, where: Keys, table: Table, key: str) -> Path:
    """Return a path as meant: absolute as written, else inside the manifest's folder."""
    written = _text(file, where, table, key)
    path = PurePath(os.path.normpath(written))
    if "\0" in written or path.parts[:1] == ("..",):
        raise _wrong(
            file,
            (*where, key),
            f"leads out of the manifest's folder: {shown(written)}. Put the file beside the "
            "manifest, or write an absolute path",
        )
    return file.path.parent / path


def _version(file: TomlFile, where: Keys, value: object) -> str:
    if not isinstance(value, str) or not _VERSION.fullmatch(value):
        raise _wrong(
            file,
            where,
            "must be a version: up to 64 letters, digits and . _ + -, in quotes, "
            f"not {shown(value)}",
        )
    return value


def _is_name(value: object) -> bool:
    return isinstance(value, str) and value.strip() != ""


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _wrong(file: TomlFile, where: Keys, what: str) -> ManifestProblem:
    return ManifestProblem(f"{file.at(*where)}: {'.'.join(where)} {what}.")
