"""A real HTTP server in a thread, whose answers a test writes."""

from __future__ import annotations

import contextlib
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = tuple[int, bytes]


class Silent(Exception):
    """Raised by a test's answer to close the connection without one."""


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    connections = 0

    def process_request(self, request: Any, client_address: Any) -> None:
        self.connections += 1
        super().process_request(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass


@contextlib.contextmanager
def serving(
    answer: Callable[[], Answer], *, keep: bool = True, length: bool = True
) -> Iterator[Server]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1" if keep else "HTTP/1.0"
        wbufsize = -1
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            self._reply()

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self._reply()

        def _reply(self) -> None:
            try:
                status, content = answer()
            except Silent:
                self.close_connection = True
                return
            self.send_response(status)
            if length:
                self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def port_of(server: socketserver.BaseServer) -> int:
    return int(server.server_address[1])


def slow(seconds: float, content: bytes = b"{}") -> Callable[[], Answer]:
    def answer() -> Answer:
        time.sleep(seconds)
        return 200, content

    return answer
