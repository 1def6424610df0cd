from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from slimbench.webapp import wsgi

REQUEST = wsgi.Request(
    method="POST",
    path="/caf\u00e9",
    query="a=%20b",
    http_version="1.1",
    headers=[
        ("content-type", "text/plain"),
        ("transfer-encoding", "chunked"),
        ("x-odd", "1"),
        ("x-odd", "2"),
    ],
    client="::1",
    server=("localhost", 5000),
    body=b"whole",
    arrived=0.0,
)


def test_an_environment_is_as_pep_3333_has_it() -> None:
    environ = REQUEST.environ()
    assert environ["PATH_INFO"].encode("latin-1").decode() == "/caf\u00e9"
    assert (environ["QUERY_STRING"], environ["REMOTE_ADDR"]) == ("a=%20b", "::1")
    assert (environ["CONTENT_TYPE"], environ["HTTP_X_ODD"]) == ("text/plain", "1,2")
    assert environ["CONTENT_LENGTH"] == "5"
    assert environ["wsgi.input"].read() == b"whole"
    assert "HTTP_TRANSFER_ENCODING" not in environ  # the body is whole
    assert replace(REQUEST, headers=[], body=b"").environ()["CONTENT_LENGTH"] == "0"


def test_an_answer_is_all_that_was_written_and_given() -> None:
    closed = []

    class Parts:
        def __iter__(self) -> Iterator[bytes]:
            return iter((b"2", b"3"))

        def close(self) -> None:
            closed.append(True)

    def application(_: Any, start: Any) -> Any:
        start("200 OK", [])
        start("404 Not Found", [("A", "b")], None)(b"1")  # as an error's page replaces another
        return Parts()

    found = wsgi.call(application, {})
    assert (found.status, found.headers) == (404, [("A", "b")])
    assert found.body == b"123"
    assert closed == [True]
