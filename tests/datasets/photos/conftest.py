from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from slimbench.build.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "store")
    store.prepare()
    return store


@pytest.fixture(autouse=True, scope="session")
def _no_sync() -> Iterator[None]:
    """Leave the machine's disks alone: it takes long, and tests survive no power failure."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "sync", lambda: None)
        yield
