"""Saves a history so that a reader never sees a half-written file.

pytest-benchmark's own storage is relative to the working directory, writes in place and stops
counting at 9999. Here the number is taken under a lock, and a file gets its name only when all
of it is on the disk.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from filelock import FileLock, Timeout

from slimbench.atomic_write import PARTIAL, write_text
from slimbench.history.document import HistoryError, check
from slimbench.history.machine import UNKNOWN
from slimbench.history.record import record

LOCK_SECONDS = 60.0
"""How long to wait for another run that is saving; saving takes a fraction of a second."""

Sample = TypeVar("Sample")


def save(document: dict[str, Any], root: Path, machine_id: str) -> Path:
    """Write `root/machine_id/NNNN_<commit>_<UTC time>[_dirty].json` and return its path.

    The number is one more than the highest there. The file appears whole or not at all.

    Raises:
        HistoryError: The document does not fit the schema, or the folder cannot be written to;
            earlier files are untouched and nothing of this one is left.
    """
    where = f"The history of this run ({root / machine_id})"
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.+-]*", machine_id):
        raise HistoryError(f"The machine id {machine_id!r} cannot be the name of a folder.")
    try:
        text = json.dumps(document, allow_nan=False, indent=1) + "\n"
    except (TypeError, ValueError) as error:
        raise HistoryError(f"{where} cannot be written as JSON: {error}.") from error
    check(document, where)
    record(document, root / machine_id)  # raises where two keys contradict each other
    folder = root / machine_id
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / ".lock", timeout=LOCK_SECONDS):
            return _write(text, folder, _label(document))
    except Timeout as error:
        raise HistoryError(
            f"The history was not saved: another run has held {folder / '.lock'} for "
            f"{LOCK_SECONDS:.0f} s. End that run, then start this one again."
        ) from error
    except (OSError, NotImplementedError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise HistoryError(
            f"The history was not saved: {folder} cannot be written to ({reason}). "
            "Free some space or mend its permissions, then run again; earlier files are intact."
        ) from error


def thin(samples: Sequence[Sample], limit: int = 200) -> list[Sample]:
    """Keep at most `limit` samples, spread evenly over the run, in order, ends included.

    Raises:
        ValueError: `limit` is below 2, so that not both ends can be kept.
    """
    if limit < 2:
        raise ValueError(f"limit must be at least 2, not {limit}")
    if len(samples) <= limit:
        return list(samples)
    kept = np.linspace(0, len(samples) - 1, limit).round().astype(int)
    return [samples[index] for index in kept]


def _label(document: dict[str, Any]) -> str:
    commit = document["commit_info"]
    name = re.sub(r"[^A-Za-z0-9.]", "-", commit["id"] or UNKNOWN)[:12]
    taken = datetime.fromisoformat(document["datetime"]).astimezone(UTC)
    return f"{name}_{taken:%Y%m%d_%H%M%S}{'_dirty' if commit['dirty'] else ''}"


def _write(text: str, folder: Path, label: str) -> Path:
    """Write under the lock: whatever temporary file is there was left by a killed run."""
    for left in folder.glob(f".*{PARTIAL}"):
        left.unlink()
    number = 1 + max(
        (int(found[1]) for path in folder.iterdir() if (found := _numbered(path))), default=0
    )
    final = folder / f"{number:04d}_{label}.json"
    write_text(final, text)
    _sync(folder)
    return final


def _numbered(path: Path) -> re.Match[str] | None:
    return re.match(r"(\d{1,18})_.*\.json$", path.name)


def _sync(folder: Path) -> None:
    """Make the new name durable, where the system lets a folder be opened (POSIX)."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
