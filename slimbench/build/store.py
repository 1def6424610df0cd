"""The artifact store: what steps made, kept under their hashes and verified on reading.

An object is a folder that appears by one rename, whole, or not at all: a killed build leaves only
something under `tmp/` that nobody reads. Locks are the operating system's, so they end with the
process that held them.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import operator
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import filelock
import platformdirs

from slimbench.errors import UsageProblem

VARIABLE = "SLIMBENCH_STORE"
MANIFEST = "manifest.json"
RESULTS = "results"
"""Below the root: a note of each folder that histories were saved in."""
RESUME = "resume"
"""Below the root: what unfinished long steps left, by key."""

FORMAT_FILE, FORMAT = "format", "2\n"
"""Below the root: which keys the objects have. The first ones hashed the code of steps."""

_UNREADABLE = (OSError, ValueError, KeyError, TypeError, AttributeError)
"""What reading a damaged object raises: a file is gone, or the manifest has another form."""


class StoreError(UsageProblem):
    """The store cannot be used where it is; the message names the way out."""


@dataclass(frozen=True, slots=True)
class Artifact:
    """One stored object: its folder and the sha256 of each file in it."""

    key: str
    folder: Path
    title: str
    files: Mapping[str, str]
    bytes: int

    def file(self, name: str) -> Path:
        """Return the path of one of its files."""
        return self.folder / name


class Store:
    """A folder of artifacts, safe to share between runs and to read after a killed one."""

    def __init__(self, root: Path | None = None) -> None:
        """Use `root`, else `$SLIMBENCH_STORE`, else the user's cache directory."""
        self.root = (root or _default_root()).absolute()

    def prepare(self) -> None:
        """Create the folders; raises StoreError where that or writing into them fails."""
        try:
            for name in ("objects", "tmp", "locks", "logs"):
                (self.root / name).mkdir(parents=True, exist_ok=True)
            probe = self.root / "tmp" / f"probe-{os.getpid()}"
            probe.write_bytes(b"slimbench")
            probe.unlink(missing_ok=True)
        except OSError as error:
            raise StoreError(
                f"The artifact store {self.root} cannot be written ({error.strerror}). "
                f"Free it, or set {VARIABLE} to a folder that can be written."
            ) from error

    def older_format(self) -> str | None:
        """Return, once a store, a sentence about objects of an older format, which nothing finds.

        What they hold stays until it is pruned: saved runs may have measured it.
        """
        marker = self.root / FORMAT_FILE
        if marker.exists():
            return None
        older = list(self.objects())
        marker.write_text(FORMAT, encoding="utf-8")
        if not older:
            return None
        mebibytes = sum(artifact.bytes for artifact in older) / 2**20
        noun = "object" if len(older) == 1 else "objects"
        return (
            f"The store {self.root} holds {len(older)} {noun} ({mebibytes:.0f} MiB) that an older "
            "version built under other keys. They are not used any more and what is needed is "
            "built again; remove them with: slimbench store --prune"
        )

    def remember_results(self, folder: Path) -> None:
        """Note where histories are saved, so that pruning knows the runs of every project."""
        path = str(folder.absolute())
        notes = self.root / RESULTS
        notes.mkdir(exist_ok=True)
        note = hashlib.sha256(os.fsencode(path)).hexdigest()[:16]
        (notes / note).write_text(path, encoding="utf-8", errors="surrogateescape")

    def results_folders(self) -> list[Path]:
        """Return the folders noted that are still there."""
        paths = (
            Path(note.read_text(encoding="utf-8", errors="surrogateescape"))
            for note in sorted((self.root / RESULTS).glob("*"))
        )
        return [path for path in paths if path.is_dir()]

    def with_file(self, sha256: str) -> Iterator[Artifact]:
        """Yield the objects, unverified, that hold a file with this hash."""
        return (artifact for artifact in self.objects() if sha256 in artifact.files.values())

    def find(self, key: str, on_damage: Callable[[str], None] = lambda _: None) -> Artifact | None:
        """Return a stored object after checking every file's hash, or None.

        A damaged object is reported through `on_damage` and taken away, so that it is rebuilt.
        """
        folder = self._folder(key)
        if not folder.is_dir():
            return None
        with contextlib.suppress(*_UNREADABLE):
            return _read(key, folder, verify=True)
        with self.lock(key):  # whoever held it may have built the object anew
            try:
                return _read(key, folder, verify=True)
            except _UNREADABLE as error:
                if folder.exists():
                    on_damage(
                        f"The stored object {key[:12]} is damaged ({error}); it is built again."
                    )
                    self._discard(folder)
                return None

    def has(self, key: str) -> bool:
        """Tell whether an object is there, without reading it."""
        return (self._folder(key) / MANIFEST).is_file()

    @contextlib.contextmanager
    def lock(self, key: str) -> Iterator[None]:
        """Hold the right to build one object; others wait."""
        with filelock.FileLock(self.root / "locks" / f"{key}.lock"):
            yield

    @contextlib.contextmanager
    def writing(self, key: str, title: str, recipe: Mapping[str, Any]) -> Iterator[Path]:
        """Give an empty folder; what is in it becomes the object when the block ends well.

        The caller holds `lock(key)`.
        """
        folder = self.root / "tmp" / key
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        try:
            yield folder
            _seal(folder, key, title, recipe)
            target = self._folder(key)
            target.parent.mkdir(exist_ok=True)
            if target.exists():
                self._discard(target)
            folder.rename(target)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    @contextlib.contextmanager
    def resuming(self, key: str) -> Iterator[Path]:
        """Give a folder for what a long step needs to go on after a kill; gone when it succeeded.

        The caller holds `lock(key)`.
        """
        folder = self.root / RESUME / key
        folder.mkdir(parents=True, exist_ok=True)
        try:
            yield folder
        except BaseException:
            with contextlib.suppress(OSError):  # it stays where something is in it
                folder.rmdir()
            raise
        shutil.rmtree(folder, ignore_errors=True)

    def objects(self) -> Iterator[Artifact]:
        """Yield what is stored, unverified, oldest first."""
        found: list[tuple[float, Artifact]] = []
        for folder in (self.root / "objects").glob("*/*"):
            with contextlib.suppress(*_UNREADABLE):
                age = folder.stat().st_mtime
                found.append((age, _read(folder.name, folder, verify=False)))
        yield from (artifact for _, artifact in sorted(found, key=operator.itemgetter(0)))

    def remove(self, key: str) -> None:
        """Take an object away; it is rebuilt when next needed."""
        with self.lock(key):
            self._discard(self._folder(key))

    def sweep(self) -> int:
        """Remove what killed runs left behind; returns how many leftovers there were."""
        swept = 0
        for leftover in (self.root / "tmp").iterdir():
            lock = filelock.FileLock(self.root / "locks" / f"{leftover.name}.lock", timeout=0)
            with contextlib.suppress(filelock.Timeout), lock:
                shutil.rmtree(leftover, ignore_errors=True)
                leftover.unlink(missing_ok=True)
                swept += 1
        return swept

    def relative(self, path: Path) -> str:
        """Return a path inside the store as histories name it."""
        return path.relative_to(self.root).as_posix()

    def log_file(self, name: str) -> Path:
        """Return a new path for the chatter of a child process."""
        stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
        return self.root / "logs" / f"{stamp}-{os.getpid()}-{name}.log"

    def _folder(self, key: str) -> Path:
        return self.root / "objects" / key[:2] / key

    def _discard(self, folder: Path) -> None:
        """Rename first, so that nobody reads a folder that is half gone."""
        if folder.exists():
            grave = self.root / "tmp" / f"{folder.name}-removed-{os.getpid()}"
            folder.rename(grave)
            shutil.rmtree(grave, ignore_errors=True)


def _default_root() -> Path:
    named = os.environ.get(VARIABLE)
    try:
        return Path(named).expanduser() if named else platformdirs.user_cache_path("slimbench")
    except RuntimeError:  # `docker run --user 12345`: no HOME, and no such user has one
        raise StoreError(
            "There is no home directory for the artifact store's usual folder. "
            f"Set {VARIABLE} to a folder that can be written, or HOME."
        ) from None


def _seal(folder: Path, key: str, title: str, recipe: Mapping[str, Any]) -> None:
    """Write the manifest and bring everything to the disk before the rename makes it visible."""
    (folder / MANIFEST).unlink(missing_ok=True)  # its input's, where a step copies all of that
    files = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        files[path.relative_to(folder).as_posix()] = {
            "sha256": file_sha256(path),
            "bytes": path.stat().st_size,
        }
        with path.open("rb") as handle:
            os.fsync(handle.fileno())
    manifest = {"key": key, "title": title, "recipe": recipe, "files": files}
    with (folder / MANIFEST).open("w", encoding="utf-8") as handle:
        json.dump(manifest, handle, indent=1, sort_keys=True)
        handle.flush()
        os.fsync(handle.fileno())


def _read(key: str, folder: Path, *, verify: bool) -> Artifact:
    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    if manifest["key"] != key:
        raise ValueError(f"its manifest is of {manifest['key'][:12]}")
    files = {name: entry["sha256"] for name, entry in manifest["files"].items()}
    if verify:
        for name, sha256 in files.items():
            if file_sha256(folder / name) != sha256:
                raise ValueError(f"{name} has another hash than when it was written")
    size = sum(entry["bytes"] for entry in manifest["files"].values())
    return Artifact(key, folder, manifest["title"], files, size)


def file_sha256(path: Path) -> str:
    """Return the hexadecimal sha256 of a file."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
