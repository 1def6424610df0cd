"""Where the model files of a run are: the artifact store, a folder of models, or an address.

A file counts only if its sha256 is the one that was measured, so that what is timed is what the
history is about. Kept models are named by it, so that any copy can be checked and profiles share
what they share.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4

from slimbench.atomic_write import replacing
from slimbench.build.store import Store, file_sha256
from slimbench.errors import UsageProblem
from slimbench.history import rebuild_command
from slimbench.history.record import Entry, History
from slimbench.spec import MODEL_FILE, Unmeasured

VARIABLE = "SLIMBENCH_MODELS"
"""Environment variable that names where models are kept: a folder, or an fsspec address."""

Fetch = Callable[[str, Path], bool]
"""Writes the model with this sha256 to a path; False where there is none."""


@dataclass(frozen=True, slots=True)
class Files:
    """The places to look in: the store's root, and a folder of `<sha256>.tflite` or None.

    With `fetch`, what `folder` lacks is first brought there from somewhere else.
    """

    store: Path
    folder: Path | None = None
    fetch: Fetch | None = None

    def find(self, entry: Entry, history: History) -> Path | Unmeasured:
        """Return the file that was measured, or how to get it back."""
        damaged = []
        for path in self._places(entry):
            try:
                self._bring(entry, path)
                if not path.is_file():
                    continue
                if file_sha256(path) == entry.model_sha256:
                    return path.absolute()
                damaged.append(f"{path} has other contents")
            except OSError as error:
                damaged.append(f"{path} cannot be read ({error.strerror})")
            except UsageProblem as problem:
                damaged.append(str(problem).rstrip("."))
        return Unmeasured(self._missing(entry, history, damaged))

    def _bring(self, entry: Entry, path: Path) -> None:
        if self.fetch is not None and path.parent == self.folder and not path.exists():
            self.fetch(entry.model_sha256, path)

    def _places(self, entry: Entry) -> list[Path]:
        """Return the path that the run noted, then objects with that file under other keys.

        The noted path comes from a file that anyone may have written: it must stay in the store.
        """
        places = []
        inside = (self.store / entry.model_file).resolve()
        if inside.is_relative_to(self.store.resolve()):
            places.append(inside)
        elsewhere = Store(self.store).with_file(entry.model_sha256)
        places += [artifact.file(MODEL_FILE) for artifact in elsewhere]
        if self.folder is not None:
            places.append(self.folder / f"{entry.model_sha256}.tflite")
        return places

    def _missing(self, entry: Entry, history: History, damaged: list[str]) -> str:
        name = f"the model {entry.model_sha256[:12]} of {history.name}"
        what = "; ".join(damaged) if damaged else f"it is not in the store {self.store}"
        if self.folder is not None and not damaged:
            what += " nor where models are kept"
        return (
            f"{name} cannot be timed: {what}. Say where it is kept with --models, or "
            f"{_rebuilt(entry, history)}"
        )


def _rebuilt(entry: Entry, history: History) -> str:
    """Say how a model comes back to the store."""
    command = rebuild_command.command(history.profile, entry.case.variant)
    if rebuild_command.is_user_profile(history.profile):
        return f"take in the very same file of {entry.case.variant} again: {command}"
    also = " (its tree had changes that were not committed)" if history.dirty else ""
    return f"build it again from commit {history.commit[:12]}{also}: {command}"


CHUNK = 2**20


class KeepError(UsageProblem):
    """Models cannot be kept or had where they were said to be; the message names the way out."""


class Keep(Protocol):
    """A place that has model files as `<sha256>.tflite`; `address` is how a user names it."""

    address: str

    def has(self, sha256: str) -> bool:
        """Whether a good copy is there; raises KeepError where that cannot be told."""
        ...

    def put(self, source: Path, sha256: str) -> bool:
        """Keep a copy, verified there; returns False where a good one was there already.

        Raises:
            KeepError: `source` does not have this hash, or the copy cannot be made.
        """
        ...

    def fetch(self, sha256: str, target: Path) -> bool:
        """Write a verified copy to `target`, whole or not at all; False where there is none.

        Raises:
            KeepError: What is kept does not have this hash, or cannot be read.
        """
        ...


def keep_at(location: str) -> Keep:
    """Return the place that a folder, or an address such as `s3://bucket/models`, names.

    Raises:
        KeepError: It is an address, and fsspec or what it needs for that kind of address is not
            installed, or refuses it.
    """
    return _Address(location) if "://" in location else _Folder(Path(location))


class _Folder:
    """A folder of models."""

    def __init__(self, folder: Path) -> None:
        self.address = str(folder)
        self._folder = folder

    def has(self, sha256: str) -> bool:
        kept = self._folder / _name(sha256)
        with _explained("had from", self.address):
            return kept.is_file() and file_sha256(kept) == sha256

    def put(self, source: Path, sha256: str) -> bool:
        if self.has(sha256):
            return False
        with _explained("put into", self.address):
            self._folder.mkdir(parents=True, exist_ok=True)
            _copy(source, self._folder / _name(sha256), sha256)
        return True

    def fetch(self, sha256: str, target: Path) -> bool:
        kept = self._folder / _name(sha256)
        with _explained("had from", self.address):
            if not kept.exists():
                return False
            _copy(kept, target, sha256)
        return True


class _Address:
    """Whatever fsspec reaches; the package is optional, since most have a folder."""

    def __init__(self, address: str) -> None:
        self.address = address
        try:
            fsspec: Any = importlib.import_module("fsspec")
        except ImportError as error:
            raise KeepError(
                f"The model location {address} is an address, for which fsspec is not installed. "
                'Install it with pip install "slimbench[remote]", or name a folder.'
            ) from error
        try:
            self._files, root = fsspec.core.url_to_fs(address)
        except ImportError as error:
            raise KeepError(
                f"The model location {address} needs one more package beside fsspec: {error}. "
                "Install that, or name a folder."
            ) from error
        except Exception as error:
            raise KeepError(f"The model location {address} cannot be used: {error}.") from error
        self._root = root.rstrip("/")

    def has(self, sha256: str) -> bool:
        kept = self._path(sha256)
        with _explained("had from", self.address, Exception):
            return self._is_there(kept) and self._sha256(kept) == sha256

    def put(self, source: Path, sha256: str) -> bool:
        if self.has(sha256):
            return False
        kept = self._path(sha256)
        with _explained("put into", self.address, Exception):
            _verify(str(source), file_sha256(source), sha256)
            self._files.makedirs(self._root, exist_ok=True)
            partial = f"{kept}.{uuid4().hex}.partial"
            try:
                self._files.put_file(str(source), partial)
                _verify(f"the copy in {self.address}", self._sha256(partial), sha256)
                self._files.mv(partial, kept)
            except BaseException:
                with contextlib.suppress(Exception):  # what went wrong first is what counts
                    self._files.rm_file(partial)
                raise
        return True

    def fetch(self, sha256: str, target: Path) -> bool:
        kept = self._path(sha256)
        with _explained("had from", self.address, Exception):
            if not self._is_there(kept):
                return False
            with replacing(target) as partial:
                self._files.get_file(kept, str(partial))
                _verify(kept, file_sha256(partial), sha256)
        return True

    def _path(self, sha256: str) -> str:
        return f"{self._root}/{_name(sha256)}"

    def _is_there(self, path: str) -> bool:
        """Tell; fsspec's own `exists` takes a refusal or a broken line for an absent file."""
        try:
            self._files.info(path)
        except FileNotFoundError:
            return False
        return True

    def _sha256(self, path: str) -> str:
        digest = hashlib.sha256()
        with self._files.open(path, "rb") as file:
            while chunk := file.read(CHUNK):
                digest.update(chunk)
        return digest.hexdigest()


def _copy(source: Path, target: Path, sha256: str) -> None:
    with replacing(target) as partial:
        shutil.copyfile(source, partial)
        _verify(str(source), file_sha256(partial), sha256)


def _name(sha256: str) -> str:
    return f"{sha256}.tflite"


def _verify(what: str, found: str, sha256: str) -> None:
    if found != sha256:
        raise KeepError(
            f"{what} is not the model that was measured: its sha256 is {found}, not {sha256}. "
            "It was changed or damaged; run the benchmarks again."
        )


@contextlib.contextmanager
def _explained(done: str, place: str, kind: type[Exception] = OSError) -> Iterator[None]:
    """Name the place in an error of the file system; remote ones have kinds of their own."""
    try:
        yield
    except KeepError:
        raise
    except kind as error:
        raise KeepError(
            f"Models cannot be {done} {place}: {str(error).rstrip('.') or type(error).__name__}. "
            f"Mend that, or name another location with --models or {VARIABLE}."
        ) from error
