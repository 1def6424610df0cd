from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient

from slimbench.webapp import api
from tests.webapp.fake import MODEL, FakeService, app_of


@pytest.fixture
def app() -> Flask:
    return app_of(FakeService())


@pytest.mark.parametrize("path", ["/openapi.json", "/livez", "/metrics", "/nothing", "/predict"])
def test_every_answer_has_the_headers(app: Flask, path: str) -> None:
    headers = app.test_client().get(path).headers
    policy = dict(
        part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; ") if " " in part
    )
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert "http" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "camera=(self)" in headers["Permissions-Policy"]
    assert "microphone=()" in headers["Permissions-Policy"]
    assert "Server" not in headers
    assert "X-Powered-By" not in headers


def test_answers_to_programs_are_not_kept(app: Flask) -> None:
    for path in ("/livez", "/nothing"):
        assert app.test_client().get(path).headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("variable", ["FLASK_DEBUG", "FLASK_ENV"])
def test_the_environment_does_not_switch_debugging_on(
    monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, "1")

    def fall(_: object) -> str:
        raise ZeroDivisionError("/secret/path")

    service = FakeService()
    app = app_of(service)
    assert not app.debug
    app.add_url_rule("/fall", "fall", lambda: fall(None))
    response = app.test_client().get("/fall")
    assert response.status_code == 500
    assert "secret" not in response.text
    assert "Zero" not in response.text


def test_a_browser_is_remembered_only_where_there_is_a_choice() -> None:
    def page(service: FakeService) -> FlaskClient:
        app = app_of(service)
        app.add_url_rule("/page", "a_page", lambda: "<!doctype html>")
        return app.test_client()

    service = FakeService()
    assert "Set-Cookie" not in page(service).get("/page").headers
    service.canary = MODEL
    client = page(service)
    first = client.get("/page")
    assert first.mimetype == "text/html"
    cookie = first.headers["Set-Cookie"]
    assert cookie.startswith(f"{api.CLIENT_COOKIE}=")
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Set-Cookie" not in client.get("/page").headers
    assert "Set-Cookie" not in client.get("/livez").headers
