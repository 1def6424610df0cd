"""A picture comes in, in every way there is, and its answer is shown."""

from __future__ import annotations

import dataclasses
import io

import pytest
from PIL import Image
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from slimbench.report import numbers
from tests.webapp.browser.site import Site
from tests.webapp.browser.visitor import Visitor
from tests.webapp.served import changed, picture
from tests.webapp.test_page import Page

BEST = ["5 90.0 %", "8 8.0 %", "2 2.0 %"]


def test_a_chosen_picture_is_shown_at_once_and_answered(visitor: Visitor, site: Site) -> None:
    visitor.visit()
    site.service.gate.clear()
    visitor.choose(picture())
    visitor.until(visitor.has_picture)
    assert "photo.png" in str(visitor.find("preview").get_attribute("alt"))
    assert visitor.find("progress").is_displayed()
    site.service.gate.set()
    visitor.until_answered("It is 5: 90.0 %.")
    assert visitor.best() == BEST
    assert [row[0] for row in visitor.scores()][:3] == ["5", "8", "2"]
    assert len(visitor.scores()) == 10
    assert not visitor.find("progress").is_displayed()
    assert not visitor.find("unsure").is_displayed()
    assert site.service.stable.name in visitor.find("took").text


def test_the_chart_has_the_figures_of_the_table(visitor: Visitor) -> None:
    visitor.visit()
    visitor.choose(picture())
    visitor.until_answered()
    shown = visitor.driver.execute_script(
        "const chart = Chart.getChart('chart');"
        "return [chart.data.labels, [...chart.data.datasets[0].data]];"
    )
    rows = visitor.scores()
    assert shown[0] == [row[0] for row in rows]
    assert [f"{share:.1f} %" for share in shown[1]] == [row[1] for row in rows]
    assert visitor.find("chart").get_attribute("role") == "img"
    visitor.until(lambda: visitor.is_painted(visitor.find("chart")))


@pytest.mark.parametrize("way", ["drop", "drop beside", "paste", "photograph"])
def test_other_ways_bring_the_same_answer(visitor: Visitor, site: Site, way: str) -> None:
    visitor.visit()
    content = picture()
    match way:
        case "drop":
            visitor.drop(content)
        case "drop beside":
            visitor.drop(content, on="answer-heading")
        case "paste":
            visitor.paste(content)
        case "photograph":
            visitor.choose(content, field="camera")
    visitor.until_answered()
    assert visitor.has_picture()
    assert visitor.best() == BEST
    assert site.uploads == [content]


def test_low_confidence_is_said(visitor: Visitor, site: Site) -> None:
    site.service.scores = (0.4, 0.35, 0.25, *(0.0,) * 7)
    visitor.visit()
    visitor.choose(picture())
    visitor.until_answered("Perhaps 0: 40.0 %. Low confidence.")
    assert visitor.find("unsure").is_displayed()


@pytest.mark.parametrize("scores", [(0.31, 0.69, *(0.0,) * 8), (3.2, 1.1, -0.5, *(-2.0,) * 7)])
def test_scripts_and_form_say_the_same(
    visitor: Visitor, site: Site, scores: tuple[float, ...]
) -> None:
    site.service.scores = scores
    visitor.visit()
    visitor.choose(picture())
    visitor.until(visitor.scores)
    scripted = (visitor.best(), visitor.scores(), visitor.find("unsure").is_displayed())
    visitor.scripts(on=False)
    visitor.visit()
    visitor.choose(picture())
    visitor.find("submit").click()
    visitor.until(visitor.scores)
    assert (visitor.best(), visitor.scores(), visitor.find("unsure").is_displayed()) == scripted


def test_without_scripts_an_error_is_in_the_page(visitor: Visitor) -> None:
    visitor.scripts(on=False)
    visitor.visit()
    assert not visitor.find("original").is_displayed()
    assert not visitor.find("camera").is_displayed()
    visitor.choose(b"words", "words.jpg")
    visitor.find("submit").click()
    visitor.until_trouble("no picture of a kind that is taken")


def test_a_large_photograph_is_made_smaller_in_its_shape(visitor: Visitor, site: Site) -> None:
    visitor.visit()
    visitor.choose(picture(1500, 2250, "JPEG"), "large.jpg")
    visitor.until_answered()
    with Image.open(io.BytesIO(site.uploads[0])) as sent:
        assert (sent.size, sent.format) == ((512, 768), "JPEG")
        corners = [sent.convert("L").getpixel(spot) for spot in ((2, 2), (509, 765))]
    assert corners[0] == pytest.approx(0, abs=4)
    assert corners[1] == pytest.approx(253, abs=4)


def test_a_photograph_on_its_side_is_sent_upright(visitor: Visitor, site: Site) -> None:
    file = io.BytesIO()
    with Image.open(io.BytesIO(picture(1500, 1000))) as image:
        exif = image.getexif()
        exif[0x0112] = 6
        image.save(file, "JPEG", exif=exif)
    visitor.visit()
    visitor.choose(file.getvalue(), "turned.jpg")
    visitor.until_answered()
    with Image.open(io.BytesIO(site.uploads[0])) as sent:
        assert sent.size == (512, 768)


def test_the_original_is_sent_where_that_is_asked_for(visitor: Visitor, site: Site) -> None:
    content = picture(1500, 1200, "JPEG")
    visitor.visit()
    visitor.find("original").click()
    visitor.choose(content, "large.jpg")
    visitor.until_answered()
    assert site.uploads == [content]


def test_a_kind_that_the_server_does_not_take_is_made_one(visitor: Visitor, site: Site) -> None:
    visitor.visit()
    visitor.choose(picture(60, 40, "BMP"), "old.bmp")
    visitor.until_answered()
    with Image.open(io.BytesIO(site.uploads[0])) as sent:
        assert (sent.size, sent.format) == ((60, 40), "JPEG")


def test_another_picture_takes_the_place_of_one_on_its_way(visitor: Visitor, site: Site) -> None:
    visitor.visit()
    site.service.gate.clear()
    visitor.choose(picture(), "first.png")
    visitor.until(lambda: site.service.taken == 1)
    site.service.scores = (0.0, 0.95, *(0.0,) * 7, 0.05)
    visitor.choose(picture(50, 50), "second.png")
    visitor.until(lambda: site.service.taken == 2)
    site.service.gate.set()
    visitor.until_answered("It is 1: 95.0 %.")
    assert visitor.find("file-name").text == "second.png"
    assert visitor.problem() == ""


def test_the_model_that_answers_shows_its_own_figures(visitor: Visitor, site: Site) -> None:
    visitor.visit()
    canary = dataclasses.replace(
        changed(site.service.stable, size_bytes=2048), version="2", sha256="c" * 64
    )
    site.service.canary = canary
    visitor.visit()
    shown = [card for card in visitor.all(".model") if card.is_displayed()]
    entry = site.service.stable.entry
    assert [numbers.size(entry["size_bytes"], "en") in card.text for card in shown] == [True]
    visitor.choose(picture())
    visitor.until_answered()
    shown = [card for card in visitor.all(".model") if card.is_displayed()]
    assert ["2.00 KiB" in card.text and "version 2" in card.text for card in shown] == [True]


def test_the_keyboard_alone_is_enough(visitor: Visitor, site: Site) -> None:
    visitor.visit()
    keys = ActionChains(visitor.driver)

    def press(key: str) -> str:
        keys.send_keys(key).perform()
        return visitor.focused()

    names = [press(Keys.TAB) for _ in range(9)]
    order = [name for name in names if name in {"image", "original", "submit"}]
    assert order == ["image", "original", "submit"]
    keys.key_down(Keys.SHIFT).send_keys(Keys.TAB).key_up(Keys.SHIFT).perform()
    while visitor.focused() != "original":
        keys.key_down(Keys.SHIFT).send_keys(Keys.TAB).key_up(Keys.SHIFT).perform()
    press(Keys.SPACE)
    assert visitor.find("original").is_selected()
    visitor.choose(picture(900, 900, "JPEG"), "large.jpg")
    visitor.until_answered()
    while visitor.focused() != "submit":
        press(Keys.TAB)
    outline = visitor.find("submit").value_of_css_property("outline-style")
    assert outline == "solid"
    before = site.service.entered
    press(Keys.ENTER)
    visitor.until(lambda: site.service.entered == before + 1)
    visitor.until_answered()
    assert visitor.focused() == "submit"


def test_what_a_screen_reader_is_told_is_in_live_regions(visitor: Visitor) -> None:
    visitor.visit()
    visitor.choose(picture())
    visitor.until_answered()
    assert visitor.find("status").get_attribute("role") == "status"
    tables = visitor.all("#answer table")
    assert len(tables) == 1
    assert {each.get_attribute("scope") for each in tables[0].find_elements(By.TAG_NAME, "th")} == {
        "col",
        "row",
    }
    source = Page(visitor.driver.page_source)
    assert source.attributes(id="problem")["role"] == "alert"
