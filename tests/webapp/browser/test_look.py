"""The pages in both languages, in light and dark, and on a phone."""

from __future__ import annotations

import re

import pytest
from selenium.webdriver.common.by import By

from tests.webapp.browser.visitor import Visitor
from tests.webapp.served import picture

PHONE = (360, 740)

READABLE = 4.5
"""Contrast of text, WCAG 2.2, success criterion 1.4.3."""

VISIBLE = 3.0
"""Contrast of what is drawn in a chart, criterion 1.4.11."""


def test_the_page_speaks_the_browsers_language_and_can_be_switched(visitor: Visitor) -> None:
    visitor.speak("fr-FR,fr")
    visitor.visit()
    assert visitor.driver.find_element(By.TAG_NAME, "html").get_attribute("lang") == "fr"
    visitor.choose(picture())
    visitor.until_answered("C'est 5")
    assert visitor.best()[0] == "5 90,0 %"
    assert visitor.scores()[0] == ["5", "90,0 %", "0,900"]
    visitor.choose(b"words", "mots.jpg")
    visitor.until_trouble("n'est pas une image d'un format accepté")
    assert [each.get_attribute("lang") for each in visitor.all("#problem p")] == ["", "en"]
    visitor.driver.find_element(By.LINK_TEXT, "English").click()
    visitor.until(lambda: "What is in this picture?" in visitor.driver.page_source)
    visitor.visit("/dashboard")
    assert "All variants of the run" in visitor.driver.page_source


def test_the_dashboard_draws_its_charts_beside_their_tables(visitor: Visitor) -> None:
    visitor.visit("/dashboard")
    visitor.until(lambda: len(visitor.all(".chart:not([hidden]) canvas")) == 2)
    points, runs = visitor.driver.execute_script(
        "return [...document.querySelectorAll('.chart canvas')].map((canvas) =>"
        " Chart.getChart(canvas).data.datasets.flatMap((set) => set.data).length);"
    )
    tables = visitor.all("table")
    rows = [len(table.find_elements(By.CSS_SELECTOR, "tbody tr")) for table in tables]
    assert points == rows[1] == 14
    assert runs == 2 * rows[2]  # each has its figure and its level
    assert [len(table.find_elements(By.CSS_SELECTOR, ".served")) for table in tables] == [1, 1, 1]
    for canvas in visitor.all(".chart canvas"):
        assert canvas.size["height"] > 200
        visitor.until(lambda canvas=canvas: visitor.is_painted(canvas))


@pytest.mark.parametrize("lang", ["en", "fr"])
@pytest.mark.parametrize("path", ["/", "/dashboard"])
def test_nothing_scrolls_sideways_on_a_phone(visitor: Visitor, path: str, lang: str) -> None:
    visitor.screen(*PHONE, mobile=True)
    visitor.visit(f"{path}?lang={lang}")
    assert not visitor.is_too_wide()
    if path == "/":
        visitor.choose(picture(1200, 300, "JPEG"), f"{'very_' * 20}long.jpg")
        visitor.until(visitor.scores)
        assert not visitor.is_too_wide()
        assert visitor.find("submit").size["height"] >= 24


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read_in_light_and_dark(visitor: Visitor, scheme: str) -> None:
    visitor.prefer(scheme)
    visitor.visit()
    colours = {
        name: _rgb(visitor, name)
        for name in (
            *("ground", "card", "ink", "soft", "accent", "accent-ink", "accent-wash"),
            *("bad", "bad-wash", "warn", "warn-wash", "bar", "good"),
        )
    }
    assert (sum(colours["ground"]) > 600) == (scheme == "light")
    pairs = [
        *((text, ground) for text in ("ink", "soft") for ground in ("ground", "card")),
        *(("accent", "card"), ("accent-ink", "accent"), ("accent", "accent-wash")),
        *(("ink", "accent-wash"), ("bad", "bad-wash"), ("warn", "warn-wash")),
    ]
    needed = dict.fromkeys(pairs, READABLE)
    needed |= {(mark, "card"): VISIBLE for mark in ("bar", "good")}
    low = {
        pair: found
        for pair, least in needed.items()
        if (found := _contrast(colours[pair[0]], colours[pair[1]])) < least
    }
    assert low == {}


def test_charts_follow_a_change_to_dark(visitor: Visitor) -> None:
    visitor.visit()
    visitor.choose(picture())
    visitor.until_answered()

    def bar() -> str:
        script = "return Chart.getChart('chart').data.datasets[0].backgroundColor[0];"
        return str(visitor.driver.execute_script(script))

    before = bar()
    visitor.prefer("dark")
    visitor.until(lambda: bar() != before)


def _rgb(visitor: Visitor, name: str) -> tuple[int, int, int]:
    text = visitor.driver.execute_script(
        "return getComputedStyle(document.documentElement).getPropertyValue(arguments[0]);",
        f"--{name}",
    )
    digits = re.fullmatch(r"\s*#([0-9a-f]{6})\s*", str(text))
    assert digits is not None, text
    red, green, blue = bytes.fromhex(digits[1])
    return red, green, blue


def _contrast(one: tuple[int, int, int], other: tuple[int, int, int]) -> float:
    """Return the contrast ratio, WCAG 2.2."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: tuple[int, int, int]) -> float:
    shares = [level / 255 for level in colour]
    linear = [
        share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
