from __future__ import annotations

import io

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from werkzeug.test import EnvironBuilder

from slimbench.webapp import uploads
from slimbench.webapp.uploads import UploadRequest
from tests.datasets.photos.pictures import encoded, noise

FIELD = "image"
PICTURE = encoded(noise(0))
TYPE = "multipart/form-data; boundary=b"


def general(body: bytes, content_type: str) -> list[bytes]:
    """Return the files of the field as the general parser finds them."""
    builder = EnvironBuilder(
        method="POST", input_stream=io.BytesIO(body), content_type=content_type
    )
    builder.content_length = len(body)
    request = UploadRequest(builder.get_environ())
    return [file.read() for file in request.files.getlist(FIELD)]


def form(content: bytes, headers: bytes = b"Content-Type: image/png\r\n") -> bytes:
    head = b'--b\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n'
    return head + headers + b"\r\n" + content + b"\r\n--b--\r\n"


def quick(body: bytes, content_type: str = TYPE) -> bytes | None:
    separator = uploads.boundary(content_type)
    return None if separator is None else uploads.only_file(body, separator, FIELD)


@pytest.mark.parametrize("content", [PICTURE, b"", b"\r\n", b"-b", b"--\r\n"])
def test_the_usual_form_is_read(content: bytes) -> None:
    assert quick(form(content)) == content
    assert general(form(content), TYPE) == [content]
    assert quick(form(content, b"")) == content
    assert quick(form(content)[:-2]) == content


@pytest.mark.parametrize(
    "content_type",
    [
        "multipart/form-data; boundary=----WebKitFormBoundaryq0W3",
        "multipart/form-data; boundary=---------------------------12345",
        'multipart/form-data; boundary="a.b"',
        "multipart/form-data;boundary=0f3c",
    ],
)
def test_what_browsers_and_libraries_call_it_is_read(content_type: str) -> None:
    separator = uploads.boundary(content_type)
    assert separator is not None
    body = form(PICTURE).replace(b"--b", separator)
    assert quick(body, content_type) == PICTURE
    assert general(body, content_type) == [PICTURE]


@pytest.mark.parametrize(
    "content_type",
    [
        "multipart/form-data",
        "multipart/form-data; charset=x; boundary=b",
        "text/plain",
        "",
        "x\r\n",
    ],
)
def test_an_unusual_type_is_left(content_type: str) -> None:
    assert uploads.boundary(content_type) is None


USUAL = form(PICTURE)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        USUAL[:-4],
        USUAL[:-6],
        USUAL + b"more",
        b"preamble\r\n" + USUAL,
        USUAL.replace(b'"image"', b'"picture"'),
        USUAL.replace(b'; filename="a.png"', b""),
        USUAL.replace(b"filename=", b"filename*="),
        USUAL.replace(b"\r\n\r\n", b"\r\nContent-Transfer-Encoding: base64\r\n\r\n", 1),
        form(b"x\r\n--b\r\n" + USUAL[5:-9]),
        form(b"x\r\n--b--\r\nafter"),
        form(b"x\r\n--bother"),
        form(b"--b"),
        form(b"x\n--b--\r\n"),
    ],
)
def test_an_unusual_form_is_left(body: bytes) -> None:
    assert quick(body) is None


PIECES = st.sampled_from(
    [
        *(b"--b", b"\r\n", b"--", b"\n", b"b", b"x", b"\0", b" ", b"\r", b'name="image"'),
        *(b"Content-Disposition: form-data; ", b'name="image"; filename="a"', b"Content-Type: a/b"),
        form(b"x"),
    ]
)


@given(st.lists(PIECES, max_size=12).map(b"".join))
@example(b"x\r\n--b--")
def test_whatever_is_read_is_what_the_general_parser_reads(content: bytes) -> None:
    for body in (content, form(content), form(b"", content)):
        found = quick(body)
        if found is not None:
            assert general(body, TYPE) == [found]
