"""Archives of photographs, unpacked once into the artifact store under the hash of the archive.

A folder of unpacked files appears by one rename, whole, or not at all. What a killed run leaves
lies under the store's `tmp/`, where its sweep finds it.
"""

from __future__ import annotations

import errno
import gzip
import hashlib
import json
import os
import shutil
import struct
import tarfile
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from slimbench.build.store import VARIABLE, Store
from slimbench.datasets.photos.archive_entries import (
    Entry,
    Refused,
    allowance,
    entries,
    quoted,
    too_much,
)
from slimbench.datasets.photos.refusal import PhotoProblem, shown
from slimbench.datasets.photos.silent import silent
from slimbench.spec import Advance

FOLDER = "archives"
"""Below the store's root: `archives/<sha256>/files/` and a note of how many there are."""

_NOTE = "unpacked.json"
_FILES = "files"
_CHUNK = 1 << 20

_DAMAGE = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    gzip.BadGzipFile,
    zlib.error,
    EOFError,
    struct.error,
    ValueError,
    RuntimeError,  # also a compression that zipfile does not know, and headers without end
    IndexError,
    KeyError,
    OverflowError,
)
"""What the two readers raise on wild bytes."""


@dataclass(frozen=True, slots=True)
class Unpacked:
    """An archive's files in the store: the archive's sha256 and name, and their number."""

    sha256: str
    archive: str
    files: int
    made: float
    """When, in seconds since 1970."""


def kept(store: Store) -> list[Unpacked]:
    """Return what was unpacked and is whole enough to be used again."""
    found = []
    for note in sorted((store.root / FOLDER).glob(f"*/{_NOTE}")):
        try:
            said = json.loads(note.read_text(encoding="utf-8"))
            made = note.stat().st_mtime
            found.append(Unpacked(note.parent.name, said["archive"], int(said["files"]), made))
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return found


def remove(store: Store) -> list[str]:
    """Remove all that was unpacked, also what is damaged; returns their hashes."""
    removed = []
    for home in sorted((store.root / FOLDER).glob("*")):
        with store.lock(f"archive-{home.name}"):
            shutil.rmtree(home, ignore_errors=True)
        removed.append(home.name)
    return removed


def unpacked(archive: Path, store: Store, advance: Advance = silent) -> Path:
    """Return the folder with an archive's files, unpacking them where that was not done yet.

    The archive is read once for its hash, in every run; unpacked only once.

    Raises:
        PhotoProblem: It is no archive, is damaged, holds what an archive of photographs does not
            (see `archive_entries`), or there is no space for it. Nothing is left behind.
    """
    store.prepare()
    try:
        with archive.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            sha256 = _sha256(file, size, f"reading {shown(archive.name)}", advance)
            name = f"archive-{sha256}"
            home = store.root / FOLDER / sha256
            with store.lock(name):
                if not _is_whole(home):
                    file.seek(0)
                    _unpack(archive, file, size, store.root / "tmp" / name, home, advance)
    except OSError as error:
        raise _cannot(archive, error, store) from error
    return home / _FILES


def _sha256(file: BinaryIO, size: int, note: str, advance: Advance) -> str:
    digest = hashlib.sha256()
    while chunk := file.read(_CHUNK):
        digest.update(chunk)
        advance(file.tell(), size, note)
    return digest.hexdigest()


def _is_whole(home: Path) -> bool:
    """Tell whether all files are there, by their number: whoever cleans a cache removes files."""
    try:
        wanted = json.loads((home / _NOTE).read_text(encoding="utf-8"))["files"]
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return bool(sum(len(files) for _, _, files in os.walk(home / _FILES)) == wanted)


def _unpack(  # noqa: PLR0913, PLR0917 - where from, where to, and who is told
    archive: Path, file: BinaryIO, size: int, partial: Path, home: Path, advance: Advance
) -> None:
    shutil.rmtree(partial, ignore_errors=True)
    try:
        (partial / _FILES).mkdir(parents=True)
        number = _write_files(archive, file, size, partial / _FILES, advance)
        (partial / _NOTE).write_text(
            json.dumps({"archive": archive.name, "bytes": size, "files": number}), encoding="utf-8"
        )
        if hasattr(os, "sync"):
            os.sync()  # one for all of them: a million times fsync takes an hour
        shutil.rmtree(home, ignore_errors=True)
        home.parent.mkdir(exist_ok=True)
        partial.rename(home)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _write_files(archive: Path, file: BinaryIO, size: int, folder: Path, advance: Advance) -> int:
    """Write every plain file below `folder`; returns how many."""
    left, number, made = allowance(size), 0, {folder}
    entry = None
    try:
        for entry in entries(file, size):
            target = folder.joinpath(*entry.parts)
            parent = target if entry.open is None else target.parent
            if parent not in made:
                parent.mkdir(parents=True, exist_ok=True)
                made.add(parent)
            if entry.open is not None:
                left -= _write(entry, target, left)
                number += 1
            advance(file.tell(), size, f"unpacking {shown(archive.name)}")
    except Refused as problem:
        raise PhotoProblem(
            f"{archive} was not unpacked: {problem}. Unpack it yourself if you trust it, "
            "and name the folder."
        ) from problem
    except _DAMAGE as error:
        where = f" after its entry {quoted(entry.name)}" if entry else ""
        raise PhotoProblem(
            f"{archive} cannot be unpacked{where} ({error or type(error).__name__}): "
            "it is damaged, or no .tar, .tar.gz, .tgz or .zip archive. Fetch or pack it again."
        ) from error
    except OSError as error:
        if entry is None or error.errno in _FULL:
            raise
        raise PhotoProblem(
            f"{archive} was not unpacked: its entry {quoted(entry.name)} cannot be written "
            f"({error.strerror or error}). Unpack it yourself, and name the folder."
        ) from error
    return number


def _write(entry: Entry, target: Path, left: int) -> int:
    """Copy one file, counting what really comes out; returns how much."""
    if entry.open is None or not entry.parts:
        raise Refused(f"its entry {quoted(entry.name)} is a file without a name")
    written = 0
    with entry.open() as source, target.open("xb") as copy:
        while chunk := source.read(_CHUNK):
            written += len(chunk)
            if written > left:
                raise Refused(too_much(entry.name, left))
            copy.write(chunk)
    return written


_FULL = (errno.ENOSPC, errno.EDQUOT)


def _cannot(archive: Path, error: OSError, store: Store) -> PhotoProblem:
    if error.errno in _FULL:
        return PhotoProblem(
            f"No space is left in the artifact store {store.root} to unpack {archive}. "
            f"Free some, or set {VARIABLE} to a folder that has more."
        )
    return PhotoProblem(
        f"{archive} cannot be unpacked ({error.strerror or error}). "
        "Check that it is a whole archive that you may read."
    )
