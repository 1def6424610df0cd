"""A real Chromium, and the application for it to visit.

Without Chromium these tests are skipped, visibly; with SLIMBENCH_REQUIRE_BROWSER=1 they fail.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

from tests.webapp.browser.site import Site
from tests.webapp.browser.visitor import Visitor

REQUIRED = "SLIMBENCH_REQUIRE_BROWSER"

NEEDED = {"chromium": "chromium", "chromedriver": "chromium-driver"}
"""Programs, and the Debian packages that have them."""

ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--lang=en",
)


@pytest.fixture(scope="package")  # other tests look for processes that were left behind
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    programs = {name: shutil.which(name) for name in NEEDED}
    missing = [package for name, package in NEEDED.items() if programs[name] is None]
    if missing:
        text = f"Chromium is not here: install Debian's {' and '.join(missing)}"
        if os.environ.get(REQUIRED) == "1":
            pytest.fail(f"{text} ({REQUIRED} is set).")
        pytest.skip(f"{text}.")
    options = webdriver.ChromeOptions()
    options.binary_location = str(programs["chromium"])
    for argument in ARGUMENTS:
        options.add_argument(argument)
    options.add_argument(f"--user-data-dir={tmp_path_factory.mktemp('chromium')}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(str(programs["chromedriver"])))
    yield driver
    driver.quit()


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
