"""A real Chromium for tests.

Where there is none, the tests that want it are skipped, visibly; with SLIMBENCH_REQUIRE_BROWSER=1
they fail.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

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


@contextmanager
def started(folder: Path) -> Iterator[webdriver.Chrome]:
    """Start Chromium with its user's data in an empty folder, and end it."""
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
    options.add_argument(f"--user-data-dir={folder}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(str(programs["chromedriver"])))
    try:
        yield driver
    finally:
        driver.quit()
