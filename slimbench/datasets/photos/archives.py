"""Archives of photographs, unpacked once into the artifact store under the hash of the archive.

`tarfile` and `zipfile` read them, but what they hold is checked here, since neither does it whole:
`tarfile.data_filter` allows links, takes the leading slash off an absolute name where this rejects
it, and is lacking in early releases of Python 3.11; `zipfile` has no such filter; neither limits
what is unpacked, and `tarfile` trusts the sizes in headers and takes a damaged one for the end.

A folder of unpacked files appears by one rename, whole, or not at all. What a killed run leaves
lies under the store's `tmp/`, where its sweep finds it. Only names, sizes and bytes of plain files
are taken from an archive.
"""

from __future__ import annotations

import contextlib
import errno
import gzip
import hashlib
import json
import os
import re
import shutil
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath
from typing import IO, BinaryIO, cast

from slimbench.build.store import VARIABLE, Store
from slimbench.datasets.photos.errors import PhotoProblem, printable

FOLDER = "archives"
"""Below the store's root: `archives/<sha256>/files/` and a note of how many there are."""

MAX_ENTRIES = 2_000_000
"""More than ImageNet's 1.3 million training images; also bounds what names take in memory."""

MAX_BYTES = 200 << 30
"""Of all files together: ImageNet's training images are 138 GiB."""

MAX_RATIO = 100
"""Unpacked to packed bytes. Photographs hardly shrink; gzip makes 1,030 times of nothing."""

RATIO_FROM = 64 << 20
"""Bytes up to which no ratio is asked: a few plain drawings may well shrink a hundredfold."""

_NOTE = "unpacked.json"
_FILES = "files"
_CHUNK = 1 << 20
_FULL = (errno.ENOSPC, errno.EDQUOT)

_MAX_READ = 1 << 20
"""The longest header tarfile may ask for at once, and hold in memory; names are far shorter."""

_BLOCK = 512
_ENCRYPTED, _IS_UTF8 = 0x1, 0x800  # bits of a zip entry's flags

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
"""What `tarfile` and `zipfile` raise on arbitrary bytes."""


class BadArchive(ValueError):
    """An archive, or one of its entries, is unsafe or damaged; the message says how."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A folder or a plain file of an archive; `size` is what its header declares, in bytes."""

    name: str
    parts: tuple[str, ...]
    """The name's folders and the file's own, none of them `..`; empty for the archive itself."""
    size: int
    open: Callable[[], IO[bytes]] | None
    """How to read it; None for a folder and for a link."""
    same_as: tuple[str, ...] = ()
    """Of a hard link: the parts of the name of the earlier file that it is."""


@dataclass(frozen=True, slots=True)
class UnpackedArchive:
    """An archive's files in the store: the archive's sha256 and name, and their number."""

    sha256: str
    archive: str
    files: int


def unpacked_archives(store: Store) -> list[UnpackedArchive]:
    """List the unpacked archives of the store whose notes can be read."""
    archives = []
    for note in sorted((store.root / FOLDER).glob(f"*/{_NOTE}")):
        try:
            content = json.loads(note.read_text(encoding="utf-8"))
            archives.append(
                UnpackedArchive(note.parent.name, content["archive"], int(content["files"]))
            )
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return archives


def remove_all(store: Store) -> list[str]:
    """Remove all unpacked archives, damaged ones too; returns the sha256 of each archive."""
    removed = []
    for home in sorted((store.root / FOLDER).glob("*")):
        with store.lock(f"archive-{home.name}"):
            shutil.rmtree(home, ignore_errors=True)
        removed.append(home.name)
    return removed


def unpack(archive: Path, store: Store) -> Path:
    """Return the folder with an archive's files, unpacking them unless the store has them.

    Every run reads the archive once for its hash; only the first one unpacks it.

    Raises:
        PhotoProblem: It is no archive, is damaged, holds what an archive of photographs does not
            (see `entries`), or there is no space for it. Nothing is left behind.
    """
    store.prepare()
    try:
        with archive.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            name = f"archive-{sha256}"
            home = store.root / FOLDER / sha256
            with store.lock(name):
                if not _is_whole(home):
                    file.seek(0)
                    _unpack(archive, file, size, store.root / "tmp" / name, home)
    except OSError as error:
        raise _unreadable(archive, error, store) from error
    return home / _FILES


def _is_whole(home: Path) -> bool:
    """Tell whether all files are there, by their number: whoever cleans a cache removes files."""
    try:
        expected = json.loads((home / _NOTE).read_text(encoding="utf-8"))["files"]
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return bool(sum(len(files) for _, _, files in os.walk(home / _FILES)) == expected)


def _unpack(archive: Path, file: BinaryIO, size: int, partial: Path, home: Path) -> None:
    shutil.rmtree(partial, ignore_errors=True)
    try:
        (partial / _FILES).mkdir(parents=True)
        number = _write_files(archive, file, size, partial / _FILES)
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


def _write_files(archive: Path, file: BinaryIO, size: int, folder: Path) -> int:
    """Write every plain file below `folder`; returns how many."""
    left, number, created = allowance(size), 0, {folder}
    entry = None
    try:
        for entry in entries(file, size):
            target = folder.joinpath(*entry.parts)
            is_folder = entry.open is None and not entry.same_as
            parent = target if is_folder else target.parent
            if parent not in created:
                parent.mkdir(parents=True, exist_ok=True)
                created.add(parent)
            if entry.same_as:
                left -= _copy(entry, folder, target, left)
            elif entry.open is not None:
                left -= _write(entry, target, left)
            number += not is_folder
    except BadArchive as problem:
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
    """Copy one file, counting its real bytes, of which `left` are allowed; returns their number."""
    if entry.open is None or not entry.parts:
        raise BadArchive(f"its entry {quoted(entry.name)} is a file without a name")
    written = 0
    with entry.open() as source, target.open("xb") as copy:
        while chunk := source.read(_CHUNK):
            written += len(chunk)
            if written > left:
                raise BadArchive(too_large(entry.name, left))
            copy.write(chunk)
    return written


def _copy(entry: Entry, folder: Path, target: Path, left: int) -> int:
    """Copy the file that a hard link is; returns its bytes, of which `left` are allowed."""
    source = folder.joinpath(*entry.same_as)
    if not entry.parts or not source.is_file():
        raise BadArchive(
            f"its entry {quoted(entry.name)} is a link to {quoted('/'.join(entry.same_as))}, "
            "which is not before it in the archive"
        )
    size = source.stat().st_size
    if size > left:
        raise BadArchive(too_large(entry.name, left))
    shutil.copyfile(source, target)
    return size


def _unreadable(archive: Path, error: OSError, store: Store) -> PhotoProblem:
    if error.errno in _FULL:
        return PhotoProblem(
            f"No space is left in the artifact store {store.root} to unpack {archive}. "
            f"Free some, or set {VARIABLE} to a folder that has more."
        )
    return PhotoProblem(
        f"{archive} cannot be unpacked ({error.strerror or error}). "
        "Check that it is a whole archive that you may read."
    )


def entries(file: BinaryIO, size: int) -> Iterator[Entry]:
    """Yield what an archive of `size` bytes holds; one entry is to be read before the next.

    Raises:
        BadArchive: An entry climbs out of the archive, is a symbolic link or a device, is
            encrypted, or says that it is too large; or there are too many.
    """
    allowed = allowance(size)
    declared = 0
    for number, entry in enumerate(_raw_entries(file, allowed), start=1):
        declared += entry.size
        if number > MAX_ENTRIES:
            raise BadArchive(f"it holds more than {MAX_ENTRIES:,} entries")
        if declared > allowed:
            raise BadArchive(too_large(entry.name, allowed))
        yield entry


def quoted(name: str) -> str:
    """Return an entry's name, printable and quoted, for messages."""
    return f"'{printable(name)}'"


def allowance(size: int) -> int:
    """Return how many bytes may come out of an archive of `size` bytes."""
    return min(MAX_BYTES, max(RATIO_FROM, MAX_RATIO * size))


def too_large(name: str, allowed: int) -> str:
    """Return the message about the entry with which an archive exceeds `allowed` bytes."""
    return (
        f"up to its entry {quoted(name)} it unpacks to more than {allowed / 2**20:,.0f} MiB, "
        "more than photographs of its size can"
    )


def _raw_entries(file: BinaryIO, allowed: int) -> Iterator[Entry]:
    start = file.read(4)
    file.seek(0)
    if start.startswith(b"PK"):
        yield from _zip_entries(file)
    elif start.startswith(b"\x1f\x8b"):
        with gzip.GzipFile(fileobj=file, mode="rb") as unzipped:
            yield from _tar_entries(cast(IO[bytes], unzipped), allowed)
    else:
        yield from _tar_entries(file, allowed)


def _zip_entries(file: BinaryIO) -> Iterator[Entry]:
    with zipfile.ZipFile(file) as archive:
        for info in archive.infolist():
            # Old packers of Windows separate folders in their own way.
            name = _zip_name(info).replace("\\", "/")
            parts = _parts(name)
            kind = stat.S_IFMT(info.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise BadArchive(_not_plain(name, link=kind == stat.S_IFLNK))
            if info.flag_bits & _ENCRYPTED:
                raise BadArchive(f"its entry {quoted(name)} is encrypted")
            if info.is_dir() or name.endswith("/") or kind == stat.S_IFDIR:
                yield Entry(name, parts, 0, None)
            else:
                yield Entry(name, parts, info.file_size, _opener(archive, info))


def _zip_name(info: zipfile.ZipInfo) -> str:
    """Return an entry's name, which many packers write in UTF-8 without the flag that says so."""
    if not info.flag_bits & _IS_UTF8:
        with contextlib.suppress(UnicodeError):
            return info.filename.encode("cp437").decode("utf-8")
    return info.filename


def _opener(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Callable[[], IO[bytes]]:
    return lambda: archive.open(info)


def _tar_entries(stream: IO[bytes], allowed: int) -> Iterator[Entry]:
    bounded = _BoundedStream(stream, allowed)
    with tarfile.open(fileobj=cast(IO[bytes], bounded), mode="r:") as archive:
        while (member := archive.next()) is not None:
            archive.members.clear()  # type: ignore[attr-defined]  # it keeps every header
            parts = _parts(member.name)
            if member.isdir():
                yield Entry(member.name, parts, 0, None)
            elif member.isreg():
                yield Entry(member.name, parts, member.size, _extractor(archive, member))
            elif member.islnk():
                earlier = _parts(member.linkname)
                if not earlier:
                    raise BadArchive(_not_plain(member.name, link=True))
                yield Entry(member.name, parts, 0, None, earlier)
            else:
                raise BadArchive(_not_plain(member.name, link=member.issym()))
    if bounded.last != bytes(_BLOCK):
        # tarfile takes a damaged header, or none, for the end.
        raise BadArchive("it is damaged or was not copied whole: its end is missing")


def _extractor(archive: tarfile.TarFile, member: tarfile.TarInfo) -> Callable[[], IO[bytes]]:
    return lambda: cast(IO[bytes], archive.extractfile(member))


class _BoundedStream:
    """A stream for `tarfile`, which trusts the sizes in headers, that bounds what is read."""

    def __init__(self, stream: IO[bytes], allowed: int) -> None:
        self.last = b""
        self._stream = stream
        # Headers and padding come on top of the files.
        self._allowed = allowed + MAX_ENTRIES * 2 * _BLOCK

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= _MAX_READ:
            raise BadArchive("it is damaged: one of its headers is too long")
        self.last = self._stream.read(size)
        self._check(self._stream.tell())
        return self.last

    def seek(self, position: int, whence: int = 0) -> int:
        self._check(position)
        return self._stream.seek(position, whence)

    def tell(self) -> int:
        return self._stream.tell()

    def _check(self, position: int) -> None:
        if position > self._allowed:
            raise BadArchive(f"it unpacks to more than {self._allowed / 2**20:,.0f} MiB")


def _parts(name: str) -> tuple[str, ...]:
    """Split a name into folders; BadArchive where it could lead out of them on any system."""
    pieces = re.split(r"[/\\]", name)
    if ".." in pieces or name.startswith(("/", "\\")) or PureWindowsPath(name).anchor:
        raise BadArchive(f"its entry {quoted(name)} leads out of the archive")
    if "\0" in name:
        raise BadArchive(f"its entry {quoted(name)} has no name that a file can have")
    return tuple(piece for piece in name.split("/") if piece not in ("", "."))


def _not_plain(name: str, *, link: bool) -> str:
    what = "a link" if link else "neither a file nor a folder"
    return f"its entry {quoted(name)} is {what}"
