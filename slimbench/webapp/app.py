"""The application: every part registered, and what holds for each request."""

from __future__ import annotations

import secrets
import time

from flask import Flask, Response, g, request

from slimbench.webapp import (
    api,
    logs,
    openapi,
    page,
    probes,
    problems,
    security,
    state,
    uploads,
)
from slimbench.webapp.settings import Settings
from slimbench.webapp.spec import Service


def create_app(settings: Settings, service: Service) -> Flask:
    """Return the WSGI application that serves the models of `service`."""
    app = Flask("webapp", static_folder=None)  # the pages bring theirs
    app.request_class = uploads.UploadRequest
    app.json.sort_keys = False  # type: ignore[attr-defined]
    state.attach(app, settings, service)
    app.before_request(_begin)
    app.after_request(_end)
    security.secure(app, settings)
    problems.register(app)
    app.register_blueprint(api.blueprint(settings, service))
    app.register_blueprint(probes.blueprint(service))
    app.register_blueprint(openapi.blueprint(settings))
    app.register_blueprint(page.blueprint(settings, service))
    return app


def _begin() -> None:
    g.request_id = logs.request_id(request.headers.get(logs.REQUEST_ID, ""))
    g.begun = time.monotonic()


def _end(response: Response) -> Response:
    response.headers[logs.REQUEST_ID] = problems.request_id()
    _remember_client(response)
    if response.mimetype in {"application/json", problems.CONTENT_TYPE}:
        response.headers.setdefault("Cache-Control", "no-store")
    if request.path not in probes.PATHS:
        _log(response)
    return response


def _remember_client(response: Response) -> None:
    """Give a browser an id where there is a canary, so that it stays with what it got."""
    canary = state.current().service.canary
    if canary is None or response.mimetype != "text/html" or api.CLIENT_COOKIE in request.cookies:
        return
    response.set_cookie(
        api.CLIENT_COOKIE,
        secrets.token_hex(16),
        max_age=365 * 24 * 3600,
        httponly=True,
        samesite="Lax",
    )


def _log(response: Response) -> None:
    fields: dict[str, object] = {
        "request_id": problems.request_id(),
        "method": request.method,
        "path": request.path[:200],
        "status": response.status_code,
        "seconds": round(time.monotonic() - g.begun, 6),
    }
    if "model" in g:
        fields |= {"model": g.model.name, "version": g.model.version, "outcome": g.outcome}
    if "timing" in g:
        fields["timing_ms"] = g.timing
    if "problem" in g:
        fields |= {"problem": g.problem.slug, "error": g.problem.detail}
    if "cause" in g:
        fields["cause"] = g.cause[: logs.LONGEST]
    logs.request(**fields)
