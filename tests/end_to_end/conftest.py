"""One run of the profile `quick` from nothing, which every test here stands on."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.suite import Done, Suite, cases
from tests.shared_once import shared_once

FLOAT = "student_scratch_f32"
QUICK = (
    FLOAT,
    "student_scratch_f16",
    "student_scratch_dynamic_wi8",
    "student_scratch_static_wi8_ai8",
)


@dataclass(frozen=True)
class FirstRun:
    """The run from nothing, with what it left behind, for reading only: start nothing there."""

    suite: Suite
    done: Done
    path: Path
    document: dict[str, Any]

    @property
    def cases(self) -> dict[str, dict[str, Any]]:
        return cases(self.document)


@pytest.fixture(scope="session")
def first(tmp_path_factory: pytest.TempPathFactory) -> FirstRun:
    return shared_once(tmp_path_factory, "first", run_from_nothing)


def run_from_nothing(root: Path) -> FirstRun:
    (root / "elsewhere").mkdir()
    suite = Suite(root / "elsewhere", store=root / "store", results=root / "results")
    done = suite.run()
    assert done.status == 0, done.out + done.err
    (path,) = suite.histories()
    return FirstRun(suite, done, path, suite.history())


@pytest.fixture(scope="session")
def later(first: FirstRun, tmp_path_factory: pytest.TempPathFactory) -> Suite:
    """The suite with everything built already, in a copy that no other process of tests uses."""
    root = tmp_path_factory.mktemp("later")
    (root / "home").mkdir()
    shutil.copytree(first.suite.store, root / "store")
    return Suite(root / "home", store=root / "store", results=root / "results")


@pytest.fixture
def suite(later: Suite, tmp_path: Path) -> Suite:
    """The same with no run in its results."""
    (tmp_path / "home").mkdir()
    return replace(later, home=tmp_path / "home", results=tmp_path / "results")


@pytest.fixture
def own_store(suite: Suite, tmp_path: Path) -> Suite:
    """The same with a store of its own, to damage."""
    shutil.copytree(suite.store, tmp_path / "store")
    return replace(suite, store=tmp_path / "store")


@pytest.fixture
def toml(tmp_path: Path) -> Callable[[str], Path]:
    """Write a budget file."""

    def write(text: str) -> Path:
        path = tmp_path / "budgets.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write
