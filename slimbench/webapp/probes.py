"""Whether the server lives, whether it is ready, and its metrics; none of them needs a place."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from slimbench.webapp import state
from slimbench.webapp.problems import RETRY_DRAINING, Problem
from slimbench.webapp.spec import Service

LIVE = "/livez"

PATHS = frozenset({LIVE, "/readyz", "/metrics"})


def blueprint(service: Service) -> Blueprint:
    """Return the part of the application that answers those who watch it."""
    made = Blueprint("probes", __name__)

    @made.get(LIVE)
    def livez() -> Response:
        return jsonify(status="alive")

    @made.get("/readyz")
    def readyz() -> Response:
        if not service.ready:
            raise Problem(
                "draining",
                "The server is starting or ending and takes nothing new.",
                RETRY_DRAINING,
            )
        return jsonify(status="ready")

    @made.get("/metrics")
    def metrics() -> Response:
        body = generate_latest(state.current().watching.registry)
        return Response(body, content_type=CONTENT_TYPE_LATEST)

    return made
