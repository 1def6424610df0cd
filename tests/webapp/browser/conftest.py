"""A real Chromium, and the application for it to visit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver

from tests.chromium import started
from tests.webapp.browser.site import Site
from tests.webapp.browser.visitor import Visitor


@pytest.fixture(scope="package")  # other tests look for processes that were left behind
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    with started(tmp_path_factory.mktemp("chromium")) as driver:
        yield driver


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("SLIMBENCH_STORE", str(tmp_path / "store"))
    made = Site()
    yield made
    made.stop()


@pytest.fixture
def visitor(chromium: webdriver.Chrome, site: Site, tmp_path: Path) -> Iterator[Visitor]:
    """A visitor with nothing remembered; at the end nothing of the page may have gone wrong."""
    made = Visitor(chromium, site, tmp_path)
    made.begin()
    yield made
    made.end()
