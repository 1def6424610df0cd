"""The API in OpenAPI 3.1, for programs that call it and for the tests that hold answers to it."""

from __future__ import annotations

import importlib.metadata
from typing import Any

from flask import Blueprint, Response, jsonify

from slimbench.webapp.api import BEST, CLIENT_HEADER
from slimbench.webapp.problems import CONTENT_TYPE, KINDS
from slimbench.webapp.settings import MEBIBYTE, Settings
from slimbench.webapp.uploads import FIELD

_NUMBER = {"type": "number"}
_TEXT = {"type": "string"}
_SHARE = {"type": "number", "minimum": 0}

PREDICTION: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["predictions", "all_scores", "model", "timing_ms"],
    "properties": {
        "predictions": {
            "description": f"The {BEST} classes of the highest scores, highest first.",
            "type": "array",
            "minItems": 1,
            "maxItems": BEST,
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["class", "score"],
                "properties": {"class": _TEXT, "score": _NUMBER},
            },
        },
        "all_scores": {
            "description": "Of all classes, in the model's order.",
            "type": "array",
            "minItems": 1,
            "items": _NUMBER,
        },
        "model": {
            "type": "object",
            "additionalProperties": False,
            "required": ["name", "version", "sha256"],
            "properties": {
                "name": _TEXT,
                "version": _TEXT,
                "sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
            },
        },
        "timing_ms": {
            "description": "`inference` is of the whole batch that the picture was in.",
            "type": "object",
            "additionalProperties": False,
            "required": ["decode", "wait", "inference", "total"],
            "properties": dict.fromkeys(("decode", "wait", "inference", "total"), _SHARE),
        },
    },
}

PROBLEM: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["type", "title", "status", "detail", "error", "request_id"],
    "properties": {
        "type": {"enum": [f"/problems/{slug}" for slug in KINDS]},
        "title": _TEXT,
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string", "description": "A sentence that says what to do."},
        "error": {"type": "string", "description": "The same as `detail`."},
        "request_id": _TEXT,
    },
}

_RETRY_AFTER = {"Retry-After": {"schema": {"type": "integer", "minimum": 1}}}
_RETRIED = frozenset({429, 503})


def document(settings: Settings) -> dict[str, Any]:
    """Return the description of an API with these limits."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "slimbench",
            "version": importlib.metadata.version("slimbench"),
            "description": "Serves an image classifier that was benchmarked.",
        },
        "paths": {
            "/predict": {"post": _predict(settings)},
            "/livez": {"get": _probe("livez", "The server's process runs.")},
            "/readyz": {"get": _probe("readyz", "Models are warm and pictures are taken.", 503)},
            "/metrics": {"get": _metrics()},
            "/openapi.json": {
                "get": {
                    "operationId": "openapi",
                    "summary": "This document.",
                    "responses": {
                        "200": _answer("This document.", "application/json", {"type": "object"})
                    },
                }
            },
        },
        "components": {"schemas": {"Prediction": PREDICTION, "Problem": PROBLEM}},
    }


def blueprint(settings: Settings) -> Blueprint:
    """Return the part of the application that shows the document."""
    made = Blueprint("openapi", __name__)

    @made.get("/openapi.json")
    def openapi() -> Response:
        return jsonify(document(settings))

    return made


def _predict(settings: Settings) -> dict[str, Any]:
    size = f"{settings.picture_bytes / MEBIBYTE:g} MiB"
    pixels = f"{settings.picture_pixels / 1e6:g} megapixels"
    statuses = (400, 408, 413, 415, 422, 429, 500, 503, 504)
    return {
        "operationId": "predict",
        "summary": "What is in a picture.",
        "description": f"JPEG, PNG or WebP, at most {size} and {pixels}.",
        "parameters": [
            {
                "name": CLIENT_HEADER,
                "in": "header",
                "description": "Tells a client from others, where two versions are served.",
                "schema": _TEXT,
            }
        ],
        "requestBody": {
            "required": True,
            "content": {
                "multipart/form-data": {
                    "schema": {
                        "type": "object",
                        "required": [FIELD],
                        "properties": {
                            FIELD: {"type": "string", "contentMediaType": "image/*"},
                        },
                    }
                },
                "application/json": {
                    "schema": {
                        "type": "object",
                        "required": [FIELD],
                        "properties": {
                            FIELD: {
                                "description": "A data URL, or the base64 alone.",
                                "type": "string",
                                "contentEncoding": "base64",
                            }
                        },
                    }
                },
            },
        },
        "responses": {
            "200": _answer(
                "What the model takes the picture for.",
                "application/json",
                {"$ref": "#/components/schemas/Prediction"},
            ),
            **{str(status): _problem(status) for status in statuses},
        },
    }


def _probe(name: str, summary: str, refusal: int | None = None) -> dict[str, Any]:
    schema = {
        "type": "object",
        "additionalProperties": False,
        "required": ["status"],
        "properties": {"status": _TEXT},
    }
    responses = {"200": _answer(summary, "application/json", schema)}
    if refusal is not None:
        responses[str(refusal)] = _problem(refusal)
    return {"operationId": name, "summary": summary, "responses": responses}


def _metrics() -> dict[str, Any]:
    answer = _answer("Metrics in Prometheus's text format.", "text/plain", _TEXT)
    return {
        "operationId": "metrics",
        "summary": "Requests by outcome, and where their time goes.",
        "responses": {"200": answer},
    }


def _answer(what: str, content_type: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": what, "content": {content_type: {"schema": schema}}}


def _problem(status: int) -> dict[str, Any]:
    what = " ".join(f"{title}." for code, title in KINDS.values() if code == status)
    answer = _answer(what, CONTENT_TYPE, {"$ref": "#/components/schemas/Problem"})
    return {**answer, "headers": _RETRY_AFTER} if status in _RETRIED else answer
