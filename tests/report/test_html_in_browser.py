"""The page of a run in a real Chromium, opened as a file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

from slimbench.report.html import page
from tests.chromium import started
from tests.example_history import history
from tests.report.test_html import troubled

PHONE = 400


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    with started(tmp_path_factory.mktemp("chromium")) as driver:
        yield driver


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(page(history(troubled()), "en"), encoding="utf-8")
    return path


@pytest.fixture
def driver(chromium: webdriver.Chrome, file: Path) -> Iterator[webdriver.Chrome]:
    """The page; at the end nothing of it may have gone wrong, and nobody was asked for anything."""
    chromium.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
    chromium.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    chromium.get("about:blank")
    for kind in ("browser", "performance"):
        chromium.get_log(kind)
    chromium.get(file.as_uri())
    yield chromium
    assert chromium.get_log("browser") == []
    messages = [
        json.loads(entry["message"])["message"] for entry in chromium.get_log("performance")
    ]
    asked = {
        message["params"]["request"]["url"]
        for message in messages
        if message["method"] == "Network.requestWillBeSent"
    }
    assert {url for url in asked if not url.startswith("data:")} == {file.as_uri()}


def heading(driver: webdriver.Chrome, text: str) -> WebElement:
    (cell,) = [
        cell
        for cell in driver.find_elements(By.CSS_SELECTOR, "thead th")
        if cell.text.split("\n")[0] == text
    ]
    return cell


def column(driver: webdriver.Chrome, place: int) -> list[str]:
    cells: list[str] = driver.execute_script(
        "return [...document.querySelector('table').tBodies[0].rows].map("
        "(row) => row.cells[arguments[0]].textContent);",
        place,
    )
    return cells


def test_a_click_sorts_by_the_exact_values_and_another_turns_them_around(
    driver: webdriver.Chrome,
) -> None:
    size = heading(driver, "Size")
    assert size.get_attribute("aria-sort") == "none"
    size.find_element(By.TAG_NAME, "button").click()
    assert size.get_attribute("aria-sort") == "ascending"
    assert column(driver, 2)[:4] == ["56.5 KiB", "145 KiB", "145 KiB", "1.56 MiB"]
    size.find_element(By.TAG_NAME, "button").click()
    assert size.get_attribute("aria-sort") == "descending"
    assert column(driver, 2)[0] == "89.9 MiB"
    heading(driver, "gzip").find_element(By.TAG_NAME, "button").click()
    assert size.get_attribute("aria-sort") == "none"


def test_enter_sorts_too_and_what_was_not_measured_stays_last(driver: webdriver.Chrome) -> None:
    button = heading(driver, "Time improvement").find_element(By.TAG_NAME, "button")
    for _ in range(2):
        button.send_keys(Keys.ENTER)
        assert column(driver, 5)[-1] == "– [1]"  # noqa: RUF001
    assert column(driver, 5)[0] == "117× faster"  # noqa: RUF001
    heading(driver, "Model").find_element(By.TAG_NAME, "button").send_keys(Keys.ENTER)
    names = column(driver, 0)
    assert names == sorted(names)


def test_without_scripts_it_is_a_plain_table(driver: webdriver.Chrome, file: Path) -> None:
    driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    driver.get(file.as_uri())
    assert driver.find_elements(By.TAG_NAME, "button") == []
    assert not driver.find_element(By.CLASS_NAME, "sorting").is_displayed()
    assert len(driver.find_elements(By.CSS_SELECTOR, "table")) == 3


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_phone_in_light_and_dark(driver: webdriver.Chrome, scheme: str) -> None:
    driver.execute_cdp_cmd(
        "Emulation.setEmulatedMedia",
        {"features": [{"name": "prefers-color-scheme", "value": scheme}]},
    )
    driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": PHONE, "height": 800, "deviceScaleFactor": 1, "mobile": True},
    )
    assert driver.execute_script("return document.documentElement.scrollWidth") == PHONE
    grounds = {
        driver.execute_script("return getComputedStyle(arguments[0]).fill", path)
        for path in driver.find_elements(By.CSS_SELECTOR, "svg #times-patch_1 path")
    }
    assert grounds == {"rgb(255, 255, 255)" if scheme == "light" else "rgb(25, 31, 41)"}
