"""What is in a .tar, .tar.gz or .zip file, entry by entry, without trusting any of it.

Only names, sizes and bytes of plain files leave this module. `tarfile.data_filter` is not used: it
takes the leading slash off an absolute name where this refuses it, and early releases of
Python 3.11 lack it.
"""

from __future__ import annotations

import gzip
import re
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import PureWindowsPath
from typing import IO, BinaryIO, cast

from slimbench.datasets.photos.refusal import shown

MAX_ENTRIES = 2_000_000
"""More than ImageNet's 1.3 million training images; also bounds what names take in memory."""

MAX_BYTES = 200 << 30
"""Of all files together: ImageNet's training images are 138 GiB."""

MAX_RATIO = 100
"""Unpacked to packed bytes. Photographs hardly shrink; gzip makes 1,030 times of nothing."""

RATIO_FROM = 64 << 20
"""Bytes up to which no ratio is asked: a few plain drawings may well shrink a hundredfold."""

_MAX_READ = 1 << 20
"""The longest header tarfile may ask for at once, and hold in memory; names are far shorter."""

_BLOCK = 512
_ENCRYPTED = 1  # bit of a zip entry's flags


class Refused(ValueError):
    """An archive, or an entry of it, is not what it should be; the message says in which way."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A folder, or a plain file with the size it says it has."""

    name: str
    parts: tuple[str, ...]
    """The name's folders and the file's own, none of them `..`; empty for the archive itself."""
    size: int
    open: Callable[[], IO[bytes]] | None
    """How to read it; None for a folder."""


def entries(file: BinaryIO, size: int) -> Iterator[Entry]:
    """Yield what an archive of `size` bytes holds; one entry is to be read before the next.

    Raises:
        Refused: An entry climbs out of the archive, is a link or a device, is encrypted, or says
            that it is too large; or there are too many.
    """
    allowed = allowance(size)
    said = 0
    for number, entry in enumerate(_of_any_kind(file, allowed), start=1):
        said += entry.size
        if number > MAX_ENTRIES:
            raise Refused(f"it holds more than {MAX_ENTRIES:,} entries")
        if said > allowed:
            raise Refused(too_much(entry.name, allowed))
        yield entry


def quoted(name: str) -> str:
    """Return an entry's name as messages hold it."""
    return f"'{shown(name)}'"


def allowance(size: int) -> int:
    """Return how many bytes may come out of an archive of `size` bytes."""
    return min(MAX_BYTES, max(RATIO_FROM, MAX_RATIO * size))


def too_much(name: str, allowed: int) -> str:
    """Say which entry is past what may come out."""
    return (
        f"up to its entry {quoted(name)} it unpacks to more than {allowed / 2**20:,.0f} MiB, "
        "more than photographs of its size can"
    )


def _of_any_kind(file: BinaryIO, allowed: int) -> Iterator[Entry]:
    start = file.read(4)
    file.seek(0)
    if start.startswith(b"PK"):
        yield from _of_zip(file)
    elif start.startswith(b"\x1f\x8b"):
        with gzip.GzipFile(fileobj=file, mode="rb") as unzipped:
            yield from _of_tar(cast(IO[bytes], unzipped), allowed)
    else:
        yield from _of_tar(file, allowed)


def _of_zip(file: BinaryIO) -> Iterator[Entry]:
    with zipfile.ZipFile(file) as archive:
        for info in archive.infolist():
            # Old packers of Windows separate folders in their own way.
            name = info.filename.replace("\\", "/")
            parts = _parts(name)
            kind = stat.S_IFMT(info.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise Refused(_unwanted(name, link=kind == stat.S_IFLNK))
            if info.flag_bits & _ENCRYPTED:
                raise Refused(f"its entry {quoted(name)} is encrypted")
            if info.is_dir() or name.endswith("/") or kind == stat.S_IFDIR:
                yield Entry(name, parts, 0, None)
            else:
                yield Entry(name, parts, info.file_size, _opener(archive, info))


def _opener(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Callable[[], IO[bytes]]:
    return lambda: archive.open(info)


def _of_tar(stream: IO[bytes], allowed: int) -> Iterator[Entry]:
    guarded = _Guarded(stream, allowed)
    with tarfile.open(fileobj=cast(IO[bytes], guarded), mode="r:") as archive:
        while (member := archive.next()) is not None:
            archive.members.clear()  # type: ignore[attr-defined]  # it keeps every header
            parts = _parts(member.name)
            if member.isdir():
                yield Entry(member.name, parts, 0, None)
            elif member.isreg():
                yield Entry(member.name, parts, member.size, _extractor(archive, member))
            else:
                raise Refused(_unwanted(member.name, link=member.issym() or member.islnk()))
    if guarded.last != bytes(_BLOCK):
        # tarfile takes a damaged header, or none, for the end.
        raise Refused("it is damaged or was not copied whole: its end is missing")


def _extractor(archive: tarfile.TarFile, member: tarfile.TarInfo) -> Callable[[], IO[bytes]]:
    return lambda: cast(IO[bytes], archive.extractfile(member))


class _Guarded:
    """What tarfile reads through: it trusts the sizes in headers, this does not."""

    def __init__(self, stream: IO[bytes], allowed: int) -> None:
        self.last = b""
        self._stream = stream
        # Headers and padding come on top of the files.
        self._allowed = allowed + MAX_ENTRIES * 2 * _BLOCK

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= _MAX_READ:
            raise Refused("it is damaged: one of its headers is too long")
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
            raise Refused(f"it unpacks to more than {self._allowed / 2**20:,.0f} MiB")


def _parts(name: str) -> tuple[str, ...]:
    """Split a name into folders; Refused where it could lead out of them on any system."""
    pieces = re.split(r"[/\\]", name)
    if ".." in pieces or name.startswith(("/", "\\")) or PureWindowsPath(name).anchor:
        raise Refused(f"its entry {quoted(name)} leads out of the archive")
    if "\0" in name:
        raise Refused(f"its entry {quoted(name)} has no name that a file can have")
    return tuple(piece for piece in name.split("/") if piece not in ("", "."))


def _unwanted(name: str, *, link: bool) -> str:
    what = "a link" if link else "neither a file nor a folder"
    return f"its entry {quoted(name)} is {what}"
