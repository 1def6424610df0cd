"""What a visitor does with the page, and what they see of it."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from selenium import webdriver
from selenium.common.exceptions import NoSuchElementException, StaleElementReferenceException
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

from tests.webapp.browser.site import Site

PATIENCE = 15
"""Seconds; a busy machine is no failure."""

_FILE = """
const bytes = Uint8Array.from(atob(arguments[1]), (letter) => letter.charCodeAt(0));
const transfer = new DataTransfer();
transfer.items.add(new File([bytes], arguments[2], { type: arguments[3] }));
"""

_DROP = (
    _FILE
    + """
for (const kind of ["dragenter", "dragover", "drop"]) {
  const event = new DragEvent(kind, { bubbles: true, cancelable: true, dataTransfer: transfer });
  arguments[0].dispatchEvent(event);
}
"""
)

_PASTE = (
    _FILE
    + """
const event = new ClipboardEvent("paste", { bubbles: true, clipboardData: transfer });
arguments[0].dispatchEvent(event);
"""
)

_DROP_TEXT = """
const transfer = new DataTransfer();
transfer.setData("text/plain", "words");
arguments[0].dispatchEvent(
  new DragEvent("drop", { bubbles: true, cancelable: true, dataTransfer: transfer }),
);
"""


class Visitor:
    def __init__(self, driver: webdriver.Chrome, site: Site, folder: Path) -> None:
        self.driver = driver
        self.site = site
        self._folder = folder

    def begin(self) -> None:
        self.driver.get("about:blank")
        self.send("Network.clearBrowserCookies")
        self.send("Network.clearBrowserCache")
        self.screen(1280, 900)
        self.prefer("light")
        self.scripts(on=True)
        self.speak("en")
        for kind in ("browser", "performance"):
            self.driver.get_log(kind)

    def end(self) -> None:
        """Check that no script failed, no policy was broken and nobody else was asked."""
        failures = [
            entry
            for entry in self.driver.get_log("browser")
            if entry["level"] == "SEVERE" and entry["source"] != "network"
        ]
        assert failures == []
        assert self.hosts() <= {urlsplit(self.site.address).netloc}

    def hosts(self) -> set[str]:
        """Return whom the browser has asked over the network."""
        found = set()
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                address = urlsplit(message["params"]["request"]["url"])
                if address.scheme in {"http", "https", "ws", "wss"}:
                    found.add(address.netloc)
        return found

    def send(self, command: str, **parameters: Any) -> Any:
        return self.driver.execute_cdp_cmd(command, parameters)

    def screen(self, width: int, height: int, *, mobile: bool = False) -> None:
        self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=mobile,
        )

    def prefer(self, scheme: str) -> None:
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.send("Emulation.setEmulatedMedia", features=features)

    def scripts(self, *, on: bool) -> None:
        self.send("Emulation.setScriptExecutionDisabled", value=not on)

    def speak(self, languages: str) -> None:
        agent = self.driver.capabilities["browserVersion"]
        self.send(
            "Network.setUserAgentOverride",
            userAgent=f"Chromium/{agent}",
            acceptLanguage=languages,
        )

    def visit(self, path: str = "/") -> None:
        self.driver.get(self.site.address + path)

    def find(self, name: str) -> WebElement:
        return self.driver.find_element(By.ID, name)

    def all(self, selector: str) -> list[WebElement]:
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def choose(self, content: bytes, name: str = "photo.png", field: str = "image") -> None:
        path = self._folder / name
        path.write_bytes(content)
        self.find(field).send_keys(str(path))

    def drop(self, content: bytes, name: str = "photo.png", on: str = "drop") -> None:
        self._transfer(_DROP, content, name, on)

    def paste(self, content: bytes, name: str = "image.png") -> None:
        self._transfer(_PASTE, content, name, "main")

    def drop_text(self) -> None:
        self.driver.execute_script(_DROP_TEXT, self.find("drop"))

    def _transfer(self, script: str, content: bytes, name: str, on: str) -> None:
        text = base64.b64encode(content).decode()
        self.driver.execute_script(script, self.find(on), text, name, "image/png")

    def until(self, holds: Callable[[], Any], what: str = "") -> None:
        gone = (StaleElementReferenceException, NoSuchElementException)  # another page is loading
        WebDriverWait(self.driver, PATIENCE, 0.03, gone).until(lambda _: holds(), what)

    def until_answered(self, text: str = "It is") -> None:
        self.until(lambda: text in self.status(), "no answer")

    def until_trouble(self, text: str) -> None:
        self.until(lambda: text in self.problem(), text)

    def status(self) -> str:
        return self.find("status").text

    def problem(self) -> str:
        return self.find("problem").text

    def scores(self) -> list[list[str]]:
        """Return the rows of the table of all scores."""
        rows: list[list[str]] = self.driver.execute_script(
            "return [...document.querySelectorAll('#scores tr')].map((row) =>"
            " [...row.children].map((cell) => cell.innerText));"
        )
        return rows

    def best(self) -> list[str]:
        lines: list[str] = self.driver.execute_script(
            "return [...document.querySelectorAll('#best li')].map((line) => line.innerText);"
        )
        return [" ".join(line.split()) for line in lines]

    def has_picture(self) -> bool:
        """Say whether the preview shows a decoded picture."""
        return bool(
            self.driver.execute_script(
                "return !arguments[0].hidden && arguments[0].complete && "
                "arguments[0].naturalWidth > 0;",
                self.find("preview"),
            )
        )

    def is_painted(self, canvas: WebElement) -> bool:
        """Say whether there is more on a canvas than its axes: colours, not only grey."""
        return bool(
            self.driver.execute_script(
                "const { width, height } = arguments[0];"
                "const context = arguments[0].getContext('2d');"
                "const bytes = context.getImageData(0, 0, width, height).data;"
                "for (let i = 0; i < bytes.length; i += 4)"
                "  if (bytes[i + 3] > 200 && bytes[i + 2] - bytes[i] > 60) return true;"
                "return false;",
                canvas,
            )
        )

    def focused(self) -> str:
        return str(self.driver.switch_to.active_element.get_attribute("id"))

    def is_too_wide(self) -> bool:
        """Say whether the page scrolls sideways."""
        return bool(
            self.driver.execute_script(
                "const page = document.documentElement;return page.scrollWidth > page.clientWidth;"
            )
        )
