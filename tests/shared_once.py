"""What takes long to make, made once for all processes of a test run."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar, cast

import pytest
from filelock import FileLock

Made = TypeVar("Made")


def shared_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], Made]) -> Made:
    """Return what `make` makes of an empty folder; processes that come later are given the same.

    Nobody may change the folder afterwards. Where making fails, the next process tries again, in
    a folder of its own.
    """
    base = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent  # each worker's base lies in that of the run
    kept = base / f"{name}.pickle"
    with FileLock(base / f"{name}.lock"):
        if not kept.exists():
            kept.write_bytes(pickle.dumps(make(factory.mktemp(name))))
        return cast(Made, pickle.loads(kept.read_bytes()))  # noqa: S301 - this run wrote it
