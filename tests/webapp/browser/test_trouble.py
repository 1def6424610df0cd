"""What goes wrong is said, and the picture stays."""

from __future__ import annotations

import time

from slimbench.webapp.spec import Busy, Failed, Late
from tests.webapp.browser.site import Site
from tests.webapp.browser.visitor import Visitor
from tests.webapp.served import picture


def test_an_error_keeps_the_picture(visitor: Visitor, site: Site) -> None:
    visitor.visit()
    site.service.refusals.append(Failed("the inside"))
    visitor.choose(picture())
    visitor.until_trouble("The model failed on this picture.")
    assert visitor.has_picture()
    assert not visitor.find("answer").is_displayed()
    assert visitor.find("no-answer").is_displayed()
    visitor.find("submit").click()
    visitor.until_answered()
    assert visitor.problem() == ""


def test_an_answer_does_not_stay_beside_another_picture(visitor: Visitor) -> None:
    visitor.visit()
    visitor.choose(picture())
    visitor.until_answered()
    visitor.choose(b"words", "words.jpg")
    visitor.until_trouble("The file is no picture of a kind that is taken.")
    assert not visitor.find("answer").is_displayed()
    assert visitor.find("file-name").text == "words.jpg"
    assert visitor.status() == ""


def test_a_server_that_is_gone_is_said_and_the_picture_kept(visitor: Visitor, site: Site) -> None:
    visitor.visit()
    site.stop()
    visitor.choose(picture())
    visitor.until_trouble("The server does not answer.")
    assert "The picture is still here" in visitor.problem()
    assert visitor.has_picture()
    site.start()
    visitor.find("submit").click()
    visitor.until_answered()


def test_a_busy_server_is_asked_once_more_when_it_said(visitor: Visitor, site: Site) -> None:
    visitor.visit()
    site.service.refusals.append(Busy(2))
    begun = time.monotonic()
    visitor.choose(picture())
    visitor.until(lambda: "Trying once more in 2 s." in visitor.status())
    assert visitor.problem() == ""
    visitor.until_answered()
    assert time.monotonic() - begun >= 2
    assert site.service.entered == 2


def test_a_server_that_stays_busy_is_not_asked_a_third_time(visitor: Visitor, site: Site) -> None:
    visitor.visit()
    site.service.refusals.extend([Busy(1), Busy(1)])
    visitor.choose(picture())
    visitor.until_trouble("The server is busy.")
    assert visitor.has_picture()
    assert site.service.entered == 2
    time.sleep(1.3)
    assert site.service.entered == 2


def test_nothing_is_tried_again_where_the_server_does_not_ask(visitor: Visitor, site: Site) -> None:
    visitor.visit()
    site.service.refusals.append(Late())
    visitor.choose(picture())
    visitor.until_trouble("There was no answer in time.")
    assert site.service.entered == 1


def test_cancelling_keeps_picture_and_focus(visitor: Visitor, site: Site) -> None:
    visitor.visit()
    site.service.gate.clear()
    visitor.choose(picture())
    visitor.until(lambda: site.service.taken == 1)
    visitor.find("cancel").click()
    visitor.until(lambda: visitor.status() == "Cancelled. The picture is still here.")
    assert visitor.has_picture()
    assert visitor.focused() == "submit"
    assert not visitor.find("cancel").is_displayed()
    site.service.gate.set()
    visitor.find("submit").click()
    visitor.until_answered()


def test_cancelling_ends_the_wait_for_another_try(visitor: Visitor, site: Site) -> None:
    visitor.visit()
    site.service.refusals.append(Busy(30))
    visitor.choose(picture())
    visitor.until(lambda: "Trying once more" in visitor.status())
    visitor.find("cancel").click()
    visitor.until(lambda: visitor.status().startswith("Cancelled."))
    assert site.service.entered == 1


def test_an_original_beyond_the_limit_is_not_sent(visitor: Visitor, site: Site) -> None:
    visitor.visit()
    visitor.find("original").click()
    visitor.choose(picture() + b"\0" * (5 << 20))
    visitor.until_trouble("The picture's file is too large.")
    assert visitor.has_picture()
    assert site.uploads == []


def test_what_is_no_file_is_said(visitor: Visitor) -> None:
    visitor.visit()
    visitor.drop_text()
    visitor.until_trouble("What was dropped is no file.")
    visitor.find("submit").click()
    visitor.until_trouble("Choose a picture first.")


def test_the_focus_stays_where_it_is(visitor: Visitor, site: Site) -> None:
    visitor.visit()
    visitor.driver.execute_script("document.getElementById('original').focus();")
    visitor.drop(picture())
    visitor.until_answered()
    assert visitor.focused() == "original"
    site.service.refusals.append(Failed("the inside"))
    visitor.paste(picture())
    visitor.until_trouble("The model failed")
    assert visitor.focused() == "original"
