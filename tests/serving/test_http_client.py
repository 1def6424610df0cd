from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slimbench.serving.http_client import parse

ANSWER = b"HTTP/1.1 200 OK\r\nServer: x\r\ncontent-length:  4\r\nX: y\r\n\r\nbody"


def test_a_whole_answer_gives_status_and_body_and_keeps_the_connection() -> None:
    assert parse(ANSWER) == (200, b"body", True)


def test_every_cut_of_an_answer_waits_for_the_rest() -> None:
    assert {parse(ANSWER[:end]) for end in range(len(ANSWER))} == {None}


def test_a_server_that_closes_is_not_asked_again() -> None:
    closing = ANSWER.replace(b"X: y", b"Connection: Close")
    assert parse(closing) == (200, b"body", False)
    assert parse(ANSWER.replace(b"HTTP/1.1", b"HTTP/1.0")) == (200, b"body", False)


def test_without_a_length_the_end_of_the_connection_ends_the_body() -> None:
    endless = b"HTTP/1.0 500 NO\r\nServer: x\r\n\r\npart"
    assert parse(endless) is None
    assert parse(endless, ended=True) == (500, b"part", False)
    assert parse(ANSWER[:-1], ended=True) is None


@pytest.mark.parametrize(
    "fault", [b"SSH-2.0-x\r\n\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n"]
)
def test_what_is_not_read_is_said(fault: bytes) -> None:
    with pytest.raises(ValueError, match=r"not HTTP/1|in chunks"):
        parse(fault)


@given(st.binary(max_size=200), st.booleans())
def test_any_bytes_are_an_answer_an_error_or_wait(received: bytes, ended: bool) -> None:
    try:
        found = parse(received, ended=ended)
    except ValueError:
        return
    assert found is None or 100 <= found[0] <= 999
