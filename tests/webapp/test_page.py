"""The pages as a browser without scripts has them."""

from __future__ import annotations

import dataclasses
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from slimbench.report import numbers
from slimbench.webapp.languages import phrases
from slimbench.webapp.spec import Busy, Failed
from tests.webapp.fake import app_of
from tests.webapp.served import PageService, Reason, changed, picture


class Page(HTMLParser):
    """Collects a page's tags with their attributes, and the text inside each id."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: dict[str, str] = {}
        self._open: list[tuple[str, str | None]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags.append((tag, found))
        if tag not in {"meta", "link", "img", "input"}:
            self._open.append((tag, found.get("id")))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop()[0] == tag

    def handle_data(self, data: str) -> None:
        for _, name in self._open:
            if name is not None:
                self.text[name] = " ".join(f"{self.text.get(name, '')} {data}".split())

    def attributes(self, **wanted: str) -> dict[str, str | None]:
        return next(found for _, found in self.tags if wanted.items() <= found.items())


@pytest.fixture
def service() -> PageService:
    return PageService()


@pytest.fixture
def client(service: PageService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    monkeypatch.setenv("SLIMBENCH_STORE", str(tmp_path))
    return app_of(service).test_client()


def post(client: FlaskClient, content: bytes, address: str = "/", **headers: str) -> TestResponse:
    # Put together here, since the test client leaves the file open that it makes of a large form.
    head = b'--b\r\nContent-Disposition: form-data; name="image"; filename="photo.png"\r\n\r\n'
    return client.post(
        address,
        data=head + content + b"\r\n--b--\r\n",
        content_type="multipart/form-data; boundary=b",
        headers=headers,
    )


def test_the_page_shows_the_models_real_figures(client: FlaskClient, service: PageService) -> None:
    entry, text = service.stable.entry, client.get("/").text
    assert numbers.size(entry["size_bytes"], "en") in text
    assert f"{numbers.percent(entry['accuracy_top1'], 'en')} % [" in text
    assert numbers.milliseconds(entry["latency_ms"]["p50"], "en") in text
    assert service.stable.sha256 in text
    assert service.stable.machine in text


def test_what_was_not_measured_is_said_with_its_reason(
    client: FlaskClient, service: PageService
) -> None:
    service.stable = changed(service.stable, accuracy_top1=Reason("no <photographs> were given"))
    text = client.get("/").text
    assert "not measured" in text
    assert "no &lt;photographs&gt; were given" in text


def test_the_form_answers_without_scripts(client: FlaskClient) -> None:
    response = post(client, picture())
    assert response.status_code == 200
    page = Page(response.text)
    assert page.text["best"] == "5 90.0 % 8 8.0 % 2 2.0 %"
    assert page.text["scores"].startswith("5 90.0 % 0.900 8 8.0 % 0.080")
    assert len(re.findall("%", page.text["scores"])) == 10
    assert "hidden" in page.attributes(id="unsure")
    assert "hidden" not in page.attributes(id="answer")
    assert "hidden" in page.attributes(id="no-answer")


def test_low_confidence_is_said(client: FlaskClient, service: PageService) -> None:
    service.scores = (0.4, 0.3, 0.3, *(0.0,) * 7)
    page = Page(post(client, picture()).text)
    assert "hidden" not in page.attributes(id="unsure")
    assert page.text["unsure"].startswith("Low confidence.")


def test_logits_are_shown_as_shares_beside_the_scores(
    client: FlaskClient, service: PageService
) -> None:
    service.scores = (12.0, 2.0, -3.0, *(-5.0,) * 7)
    assert Page(post(client, picture()).text).text["scores"].startswith("0 100.0 % 12.000 1 0.0 %")


@pytest.mark.parametrize(
    ("content", "status", "title"),
    [
        (b"", 400, "The picture is empty."),
        (b"words", 415, "The file is no picture of a kind that is taken."),
        (picture()[:-40], 422, "The picture cannot be read whole."),
        (b"x" * (5 << 20), 413, "The picture's file is too large."),
    ],
)
def test_an_error_is_in_the_page_with_its_status(
    client: FlaskClient, content: bytes, status: int, title: str
) -> None:
    response = post(client, content)
    assert response.status_code == status
    assert response.mimetype == "text/html"
    page = Page(response.text)
    assert page.text["problem"].startswith(title)
    assert len(page.text["problem"]) > len(title) + 10
    assert "hidden" in page.attributes(id="answer")


def test_a_form_sent_without_a_file_is_asked_for_one(client: FlaskClient) -> None:
    body = (
        b'--b\r\nContent-Disposition: form-data; name="image"; filename=""\r\n'
        b"Content-Type: application/octet-stream\r\n\r\n\r\n--b--\r\n"
    )
    response = client.post("/", data=body, content_type="multipart/form-data; boundary=b")
    assert response.status_code == 400
    assert Page(response.text).text["problem"] == "There is no picture. Choose a file first."


def test_a_body_that_is_no_form_is_refused_in_the_page(client: FlaskClient) -> None:
    response = client.post("/", data=b"x", content_type="text/plain")
    assert (response.status_code, response.mimetype) == (415, "text/html")


def test_a_body_beyond_the_limit_is_refused_in_the_page(client: FlaskClient) -> None:
    response = post(client, b"x" * (8 << 20))
    assert (response.status_code, response.mimetype) == (413, "text/html")
    assert "too large" in Page(response.text).text["problem"]


def test_a_busy_server_says_when_to_come_back(client: FlaskClient, service: PageService) -> None:
    service.refusals.append(Busy(7))
    response = post(client, picture())
    assert response.status_code == 503
    assert response.headers["Retry-After"] == "7"
    assert Page(response.text).text["problem"].startswith("The server is busy.")


def test_a_model_that_fails_costs_only_its_own_page(
    client: FlaskClient, service: PageService
) -> None:
    service.refusals.append(Failed("the inside"))
    response = post(client, picture())
    assert response.status_code == 500
    assert "the inside" not in response.text
    assert post(client, picture()).status_code == 200


def test_french_is_spoken_to_who_wants_it(client: FlaskClient) -> None:
    response = post(client, picture(), **{"Accept-Language": "fr-CH, fr;q=0.9, en;q=0.8"})
    assert response.headers["Content-Language"] == "fr"
    assert {"Accept-Language", "Cookie"} <= set(response.vary)
    assert '<html lang="fr">' in response.text
    assert Page(response.text).text["best"] == "5 90,0 % 8 8,0 % 2 2,0 %"


def test_the_switch_is_remembered(client: FlaskClient) -> None:
    assert client.get("/?lang=fr").headers["Set-Cookie"].startswith("lang=fr;")
    assert '<html lang="fr">' in client.get("/dashboard").text
    assert '<html lang="en">' in client.get("/?lang=en").text
    assert '<html lang="en">' in client.get("/").text


def test_a_form_sent_from_the_address_of_a_language_stays_in_it(client: FlaskClient) -> None:
    page = Page(client.get("/?lang=fr").text)
    action = page.attributes(id="form")["action"]
    assert action == "/?lang=fr"
    fresh = client.application.test_client()
    assert '<html lang="fr">' in post(fresh, picture(), action).text


def test_classes_are_translated(client: FlaskClient, service: PageService) -> None:
    names = ("airplane", "truck", *"23456789")
    service.stable = dataclasses.replace(service.stable, classes=names)
    service.scores = (0.9, 0.1, *(0.0,) * 8)
    text = Page(post(client, picture(), "/?lang=fr").text).text
    assert text["best"].startswith("avion 90,0 % camion 10,0 %")


def test_every_control_has_a_name(client: FlaskClient) -> None:
    page = Page(client.get("/").text)
    labelled = {found["for"] for tag, found in page.tags if tag == "label"}
    for tag, found in page.tags:
        if tag == "input":
            assert found["id"] in labelled
        if tag == "img":
            assert "alt" in found
        if tag in {"canvas", "progress"}:
            assert found["aria-label"]
    assert page.attributes(id="status")["role"] == "status"
    assert page.attributes(id="problem")["role"] == "alert"
    assert [tag for tag, _ in page.tags].count("h1") == 1


def test_the_scripts_are_told_the_same_limits(client: FlaskClient, service: PageService) -> None:
    page = Page(client.get("/?lang=fr").text)
    data: dict[str, Any] = json.loads(page.text["page-data"])
    assert data["predict"] == "/predict"
    assert data["limit_bytes"] == 4 << 20
    assert data["side"] >= 4 * service.stable.input_shape[0]
    assert data["classes"] == list("0123456789")
    assert data["words"]["js.no_picture"] == phrases("fr")("js.no_picture")


def test_the_canary_shows_its_own_figures_where_it_answers(
    client: FlaskClient, service: PageService
) -> None:
    canary = dataclasses.replace(
        changed(service.stable, size_bytes=2048), version="2", sha256="c" * 64
    )
    service.canary = canary
    page = Page(post(client, picture()).text)
    assert "hidden" in page.attributes(**{"data-sha256": service.stable.sha256})
    assert "hidden" not in page.attributes(**{"data-sha256": "c" * 64})
    assert "version 2" in page.text["took"]
