from __future__ import annotations

import base64
import io
import json
import logging
import warnings
from collections.abc import Iterator
from typing import Any

import pytest

from slimbench.webapp import logs
from slimbench.webapp.spec import Failed
from tests.datasets.photos.pictures import encoded, noise
from tests.webapp.fake import FakeService, app_of


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What is logged, with everything as it was afterwards."""
    root = logging.getLogger()
    before = list(root.handlers), root.level
    stream = io.StringIO()
    logs.configure(stream)
    yield stream
    logging.captureWarnings(False)
    root.handlers[:] = before[0]
    root.setLevel(before[1])


def lines(written: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in written.getvalue().splitlines()]


def send(service: FakeService, content: bytes) -> None:
    app_of(service).test_client().post(
        "/predict",
        data={"image": (io.BytesIO(content), "my-secret-name.png")},
        headers={"X-Request-Id": "mine", "X-Client-Id": "somebody"},
        environ_base={"REMOTE_ADDR": "192.0.2.1"},
    )


def test_a_request_is_one_line_with_its_id_model_and_times(written: io.StringIO) -> None:
    picture = encoded(noise(0))
    send(FakeService(), picture)
    (line,) = lines(written)
    assert line["request_id"] == "mine"
    assert (line["model"], line["version"], line["outcome"]) == ("tiny_f32", "7", "ok")
    assert (line["method"], line["path"], line["status"]) == ("POST", "/predict", 200)
    assert set(line["timing_ms"]) == {"decode", "wait", "inference", "total"}
    assert line["seconds"] > 0
    text = written.getvalue()
    for secret in ("my-secret-name", "somebody", "192.0.2.1", base64.b64encode(picture).decode()):
        assert secret not in text


def test_a_refused_request_says_why(written: io.StringIO) -> None:
    send(FakeService(), b"not a picture, but words")
    (line,) = lines(written)
    assert (line["status"], line["outcome"]) == (415, "invalid")
    assert line["problem"] == "unsupported-format"
    assert line["error"].startswith("The file is no JPEG")
    assert "but words" not in written.getvalue()


def test_what_the_runtime_said_is_in_the_log_alone(written: io.StringIO) -> None:
    service = FakeService()
    service.refusal = Failed("the delegate fell over")
    send(service, encoded(noise(0)))
    (line,) = lines(written)
    assert (line["outcome"], line["cause"]) == ("failed", "the delegate fell over")


def test_a_fault_is_logged_with_its_trace(written: io.StringIO) -> None:
    def fall(_: Any) -> Any:
        raise ZeroDivisionError("by " + "zero" * 1000)

    send(FakeService(scorer=fall), encoded(noise(0)))
    fault, line = lines(written)
    assert fault["level"] == "error"
    assert fault["error"].startswith("ZeroDivisionError: by zero")
    assert len(fault["error"]) == logs.LONGEST
    assert "in fall" in fault["trace"]
    assert (line["status"], line["outcome"]) == (500, "fault")


def test_probes_are_not_logged(written: io.StringIO) -> None:
    client = app_of(FakeService()).test_client()
    for path in ("/livez", "/readyz", "/metrics"):
        client.get(path)
    assert written.getvalue() == ""


def test_a_path_is_no_line_of_its_own_and_not_endless(written: io.StringIO) -> None:
    app_of(FakeService()).test_client().get("/a%0a%22{" + "x" * 5000)
    (line,) = lines(written)
    assert line["path"].startswith('/a\n"{')
    assert len(line["path"]) == 200


def test_what_libraries_say_is_json_too(written: io.StringIO) -> None:
    logging.getLogger("library").warning("a %s", "thing")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("odd", UserWarning, stacklevel=1)
    first, second = lines(written)
    assert (first["level"], first["message"]) == ("warning", "a thing")
    assert "odd" in second["message"]
