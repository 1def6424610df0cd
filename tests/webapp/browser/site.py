"""The real application on a port, with a service that a test decides."""

from __future__ import annotations

import threading

from flask import request
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from tests.webapp.fake import app_of
from tests.webapp.served import PageService

HOST = "127.0.0.1"


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002 - werkzeug's name
        pass


class Site:
    """Can be stopped and started again on the same port; `uploads` are the files it was sent."""

    def __init__(self) -> None:
        self.service = PageService()
        self.uploads: list[bytes] = []
        self.app = app_of(self.service)
        self.app.before_request(self._keep)
        self._server: BaseWSGIServer | None = None
        self._thread: threading.Thread | None = None
        self._port = 0
        self.start()

    @property
    def address(self) -> str:
        return f"http://{HOST}:{self._port}"

    def start(self) -> None:
        self._server = make_server(
            HOST, self._port, self.app, threaded=True, request_handler=_Quiet
        )
        self._port = self._server.port
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def stop(self) -> None:
        self.service.gate.set()
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()
            self._server = None

    def _keep(self) -> None:
        if request.method == "POST":
            file = request.files["image"]
            self.uploads.append(file.read())
            file.seek(0)
