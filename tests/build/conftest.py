from __future__ import annotations

from pathlib import Path

import pytest

from slimbench.build.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "store")
    store.prepare()
    return store


@pytest.fixture
def diary(tmp_path: Path) -> str:
    """Where sample steps note that they ran."""
    return str(tmp_path / "diary.txt")
