from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

import pytest

from slimbench.build.scheduler import Failure, Outcome
from slimbench.build.store import Store
from slimbench.spec import Step
from tests.build.recorder import made
from tests.shared_once import shared_once
from tests.steps.built_steps import BUILT, SLOW
from tests.steps.keep_results import SLOW_TARGETS, TARGETS


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "store")
    store.prepare()
    return store


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """The results of all steps that need TensorFlow, built once for all processes of a run."""

    def build(folder: Path) -> Outcome:
        store = Store(folder)
        store.prepare()
        return made(store, *BUILT, *TARGETS)[0]

    return shared_once(tmp_path_factory, "steps", build)


@pytest.fixture(scope="session")
def folder(built: Outcome) -> Callable[[Step], Path]:
    """Return a function that gives the folder of a step that had to succeed."""
    return functools.partial(find, built)


@pytest.fixture(scope="session")
def slow_folder(
    tmp_path_factory: pytest.TempPathFactory, folder: Callable[[Step], Path]
) -> Callable[[Step], Path]:
    """The same for what slow tests need besides, built in the same store."""
    store = Store(folder(TARGETS[0]).parents[2])

    def build(_: Path) -> Outcome:
        return made(store, *SLOW, *SLOW_TARGETS)[0]

    return functools.partial(find, shared_once(tmp_path_factory, "slow_steps", build))


def find(outcome: Outcome, step: Step) -> Path:
    result = outcome.results[step]
    assert not isinstance(result, Failure), result.reason
    return result.folder
