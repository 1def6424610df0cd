"""What a browser may do with the pages, and what the server takes in.

Sources of the headers: OWASP Secure Headers Project, Content Security Policy Level 3.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from flask import Flask

from slimbench.webapp.settings import Settings

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob: data:",
        "media-src 'self' blob:",
        "font-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)
"""Own files only; `blob:` and `data:` are the preview of a picture and the camera's image."""

PERMISSIONS = ", ".join(
    (
        "camera=(self)",
        *(
            f"{each}=()"
            for each in (
                "accelerometer",
                "display-capture",
                "geolocation",
                "gyroscope",
                "magnetometer",
                "microphone",
                "midi",
                "payment",
                "usb",
            )
        ),
    )
)

HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": PERMISSIONS,
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

FORM_PARTS = 32
"""Parts of a multipart body; a picture is one."""

FORM_MEMORY = 65_536
"""Bytes of a part that is no file; such parts are kept in memory."""


def secure(app: Flask, settings: Settings) -> None:
    """Bound what an application takes, set its headers, and keep debugging off."""
    app.debug = False  # which the environment could have switched on
    app.config.update(
        MAX_CONTENT_LENGTH=settings.body_bytes,
        MAX_FORM_MEMORY_SIZE=FORM_MEMORY,
        MAX_FORM_PARTS=FORM_PARTS,
        PROPAGATE_EXCEPTIONS=False,
        TRAP_HTTP_EXCEPTIONS=False,
        TRAP_BAD_REQUEST_ERRORS=False,
    )
    app.wsgi_app = _WithHeaders(app.wsgi_app)  # type: ignore[method-assign]


class _WithHeaders:
    """An application whose every answer has the headers, whoever inside of it answered."""

    def __init__(self, app: WSGIApplication) -> None:
        self._app = app
        self._headers = list(HEADERS.items())

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        def start(
            status: str, headers: list[tuple[str, str]], exc_info: Any = None, /
        ) -> Callable[[bytes], object]:
            return start_response(status, headers + self._headers, exc_info)

        return self._app(environ, start)
