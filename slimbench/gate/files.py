"""Where a run's model files are now: in the artifact store, or in a folder of models.

A file counts only if its sha256 is the one that was measured, so that what is timed is what the
history is about.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from slimbench.build.store import Store, file_sha256
from slimbench.errors import UsageProblem
from slimbench.gate.side import Side
from slimbench.history import rebuild_command
from slimbench.history.record import Entry
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

    def find(self, entry: Entry, side: Side) -> Path | Unmeasured:
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
        return Unmeasured(self._missing(entry, side, damaged))

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

    def _missing(self, entry: Entry, side: Side, damaged: list[str]) -> str:
        name = f"the model {entry.model_sha256[:12]} of {side.name}"
        what = "; ".join(damaged) if damaged else f"it is not in the store {self.store}"
        if self.folder is not None and not damaged:
            what += " nor where models are kept"
        return (
            f"{name} cannot be timed: {what}. Say where it is kept with --models, or "
            f"{_rebuilt(entry, side)}"
        )


def _rebuilt(entry: Entry, side: Side) -> str:
    """Say how a model comes back to the store."""
    command = rebuild_command.command(side.profile, entry.case.variant)
    if rebuild_command.is_user_profile(side.profile):
        return f"take in the very same file of {entry.case.variant} again: {command}"
    also = " (its tree had changes that were not committed)" if side.dirty else ""
    return f"build it again from commit {side.commit[:12]}{also}: {command}"
