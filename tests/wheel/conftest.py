from __future__ import annotations

from pathlib import Path

import pytest

from slimbench.paths import CODE
from tests.shared_once import shared_once
from tests.wheel.environments import Environment, build_wheel, make_environment


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shared_once(tmp_path_factory, "wheel", lambda folder: build_wheel(CODE, folder))


@pytest.fixture(scope="session")
def plain(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """The wheel without extras, beside plugins that users have."""
    return shared_once(
        tmp_path_factory,
        "plain",
        lambda folder: make_environment(
            folder, wheel, others=("pytest-cov", "pytest-randomly", "pytest-xdist")
        ),
    )
