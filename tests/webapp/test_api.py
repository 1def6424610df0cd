from __future__ import annotations

import base64
import io
import json
import threading
import time
import zipfile
from typing import Any

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image
from werkzeug.test import TestResponse

from slimbench.datasets.photos.decoding import decode
from slimbench.webapp import api, problems
from slimbench.webapp.api import ARRIVED
from slimbench.webapp.spec import Busy, Draining, Failed, Late
from tests.datasets.photos.pictures import encoded, noise
from tests.datasets.photos.test_decoding import png_header
from tests.webapp.fake import CLASSES, MODEL, FakeService, app_of, brightness

PICTURE = encoded(noise(0, 20, 10))


@pytest.fixture
def service() -> FakeService:
    return FakeService()


@pytest.fixture
def app(service: FakeService) -> Flask:
    return app_of(service)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def form(content: bytes, name: str = "photo.png", kind: str = "image/png") -> dict[str, Any]:
    return {"image": (io.BytesIO(content), name, kind)}


def send(client: FlaskClient, content: bytes, **options: Any) -> TestResponse:
    # Put together here, since the test client leaves the file open that it makes of a large form.
    head = b'--b\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n\r\n'
    return client.post(
        "/predict",
        data=head + content + b"\r\n--b--\r\n",
        content_type="multipart/form-data; boundary=b",
        **options,
    )


def refused(response: TestResponse, status: int, slug: str) -> str:
    """Check that an answer is a problem of this kind, and return its sentence."""
    assert response.status_code == status, response.text
    assert response.content_type == problems.CONTENT_TYPE
    found = response.get_json(force=True)
    assert found["type"] == f"/problems/{slug}"
    assert found["status"] == status
    assert found["error"] == found["detail"]
    assert found["request_id"] == response.headers["X-Request-Id"]
    assert found["detail"].endswith((".", "}."))
    return str(found["detail"])


# What is answered


def test_a_form_with_a_picture_is_answered(client: FlaskClient) -> None:
    response = send(client, PICTURE)
    assert response.status_code == 200
    scores = brightness(decode(PICTURE, 8, 8, 3))
    found = response.get_json()
    assert found["all_scores"] == [float(score) for score in scores]
    order = sorted(range(4), key=lambda index: -scores[index])[:3]
    assert found["predictions"] == [
        {"class": CLASSES[index], "score": float(scores[index])} for index in order
    ]
    assert found["model"] == {"name": "tiny_f32", "version": "7", "sha256": "0f" * 32}
    assert found["timing_ms"]["inference"] == 2.0
    assert found["timing_ms"]["wait"] >= 0.5
    assert found["timing_ms"]["total"] >= found["timing_ms"]["decode"] > 0


@pytest.mark.parametrize(
    "prefix",
    ["", "data:image/png;base64,", "data:;base64,", "DATA:text/plain;charset=utf-8;BASE64,"],
)
def test_json_is_answered_as_a_form_is(client: FlaskClient, prefix: str) -> None:
    text = prefix + base64.b64encode(PICTURE).decode()
    response = client.post("/predict", json={"image": text, "more": [1, {"x": None}]})
    assert response.status_code == 200
    assert response.get_json()["all_scores"] == send(client, PICTURE).get_json()["all_scores"]


def test_base64_may_be_that_of_urls_without_padding_and_after_blanks(client: FlaskClient) -> None:
    expected = client.post("/predict", json={"image": base64.b64encode(PICTURE).decode()}).json
    text = base64.urlsafe_b64encode(PICTURE).decode().rstrip("=")
    assert {"-", "_"} & set(text)
    for image in (text, f" \n data:image/png;base64,{text}"):
        answer = client.post("/predict", json={"image": image})
        assert answer.status_code == 200
        assert answer.json["predictions"] == expected["predictions"]


def test_base64_may_have_lines(client: FlaskClient) -> None:
    lines = base64.encodebytes(PICTURE).decode()
    assert client.post("/predict", json={"image": lines}).status_code == 200


def test_what_a_file_is_called_does_not_matter(client: FlaskClient) -> None:
    response = client.post("/predict", data=form(PICTURE, "../../etc/passwd", "text/html"))
    assert response.status_code == 200


def test_other_fields_do_not_matter(client: FlaskClient) -> None:
    assert client.post("/predict", data=form(PICTURE) | {"lang": "fr"}).status_code == 200


def test_equal_scores_keep_the_classes_order(service: FakeService, client: FlaskClient) -> None:
    service.scorer = lambda _: np.array([0.1, 0.4, 0.4, 0.4], np.float32)
    found = send(client, PICTURE).get_json()["predictions"]
    assert [each["class"] for each in found] == ["dog", "frog", "ship"]


# Who asks


def test_a_client_is_known_by_header_then_cookie_then_address(
    service: FakeService, client: FlaskClient
) -> None:
    send(client, PICTURE, environ_base={"REMOTE_ADDR": "192.0.2.1"})
    send(client, PICTURE, environ_base={"REMOTE_ADDR": "192.0.2.1"})
    send(client, PICTURE, environ_base={"REMOTE_ADDR": "192.0.2.2"})
    client.set_cookie(api.CLIENT_COOKIE, "crumb")
    send(client, PICTURE)
    send(client, PICTURE, headers={"X-Client-Id": "named"})
    first, again, other, cookie, header = service.clients
    assert first == again != other
    assert "192.0.2" not in first
    assert (cookie, header) == ("crumb", "named")


def test_an_answers_id_is_the_requests_or_a_new_one(client: FlaskClient) -> None:
    given = send(client, PICTURE, headers={"X-Request-Id": "mine-1"})
    assert given.headers["X-Request-Id"] == "mine-1"
    wild = send(client, PICTURE, headers={"X-Request-Id": '"<script>' * 40})
    new = [wild.headers["X-Request-Id"], send(client, PICTURE).headers["X-Request-Id"]]
    assert len(set(new)) == 2
    assert all(len(each) == 32 for each in new)


# What is refused by the service


@pytest.mark.parametrize(
    ("refusal", "status", "slug", "retry"),
    [
        (Late("x"), 504, "late", None),
        (Failed("secret of the runtime"), 500, "inference-failed", None),
        (Busy(9), 503, "busy", "9"),
        (Draining("x"), 503, "draining", "5"),
    ],
)
def test_a_refusal_says_what_to_do(  # noqa: PLR0917
    service: FakeService,
    client: FlaskClient,
    refusal: Exception,
    status: int,
    slug: str,
    retry: str | None,
) -> None:
    service.refusal = refusal  # type: ignore[assignment]
    response = send(client, PICTURE)
    assert "secret" not in refused(response, status, slug)
    assert response.headers.get("Retry-After") == retry
    assert service.taken == 0
    service.refusal = None
    assert send(client, PICTURE).status_code == 200


def test_over_capacity_nothing_is_decoded_and_the_next_is_answered_again(
    service: FakeService, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.places = 1
    service.gate.clear()
    answers: list[int] = []
    first = threading.Thread(
        target=lambda: answers.append(send(app.test_client(), PICTURE).status_code)
    )
    first.start()
    assert service.waiting.acquire(timeout=30)
    with monkeypatch.context() as patched:
        patched.setattr("slimbench.webapp.pictures.decode", None)
        response = send(app.test_client(), PICTURE)
    refused(response, 503, "busy")
    assert response.headers["Retry-After"] == "3"
    service.gate.set()
    first.join(30)
    assert answers == [200]
    assert send(app.test_client(), PICTURE).status_code == 200


def test_while_it_drains_nothing_is_taken(service: FakeService, client: FlaskClient) -> None:
    service.draining = True
    refused(send(client, PICTURE), 503, "draining")


def test_a_picture_that_waits_too_long_for_its_decoding_is_late(service: FakeService) -> None:
    client = app_of(service, deadline_seconds=0.01).test_client()
    client.environ_base[ARRIVED] = time.monotonic() - 1
    assert "0.01 s" in refused(send(client, PICTURE), 504, "late")
    assert service.taken == 0


def test_the_time_for_a_worker_is_told_as_waited(service: FakeService) -> None:
    client = app_of(service).test_client()
    client.environ_base[ARRIVED] = time.monotonic() - 1
    timing = send(client, PICTURE).get_json()["timing_ms"]
    assert 1000 <= timing["wait"] <= timing["total"] + 0.5  # which the service makes up
    assert 'slimbench_wait_seconds_bucket{le="0.5",model="tiny_f32",version="7"} 0.0' in (
        client.get("/metrics").text
    )


def test_scores_that_are_no_numbers_are_no_answer(
    service: FakeService, client: FlaskClient
) -> None:
    service.scorer = lambda _: np.array([0.1, np.nan, 0.2, 0.3], np.float32)
    refused(send(client, PICTURE), 500, "inference-failed")


def test_a_fault_tells_nothing_of_the_inside(service: FakeService, client: FlaskClient) -> None:
    def fall(_: object) -> Any:
        raise ZeroDivisionError("/secret/path")

    service.scorer = fall
    response = send(client, PICTURE)
    refused(response, 500, "internal-error")
    assert "secret" not in response.text
    assert "Traceback" not in response.text
    assert service.taken == 0


# What is no picture


def cut(content: bytes) -> bytes:
    return content[: len(content) * 2 // 3]


def zipped() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("run.sh", "rm -r /")
    return file.getvalue()


JPEG = encoded(noise(0, 20, 10), "JPEG")
WEBP = encoded(noise(0, 20, 10), "WEBP")

NO_PICTURES = {
    "no bytes": (b"", 400, "empty-image"),
    "text": (b"I am a cat, believe me.", 415, "unsupported-format"),
    "html": (b"<html><script>alert(1)</script></html>", 415, "unsupported-format"),
    "gif": (encoded(noise(0), "GIF"), 415, "unsupported-format"),
    "bmp": (encoded(noise(0), "BMP"), 415, "unsupported-format"),
    "tiff": (encoded(noise(0), "TIFF"), 415, "unsupported-format"),
    "pdf": (encoded(noise(0), "PDF"), 415, "unsupported-format"),
    "svg": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", 415, "unsupported-format"),
    "zip": (zipped(), 415, "unsupported-format"),
    "cut png": (cut(PICTURE), 422, "damaged-image"),
    "cut jpeg": (cut(JPEG), 422, "damaged-image"),
    "cut webp": (cut(WEBP), 422, "damaged-image"),
    "png mark alone": (PICTURE[:8], 422, "damaged-image"),
    "jpeg mark alone": (JPEG[:4], 422, "damaged-image"),
    "webp mark alone": (WEBP[:12], 422, "damaged-image"),
    "bomb": (png_header(60_000, 60_000), 422, "damaged-image"),
    "wide": (encoded(Image.new("L", (100_000, 1))), 413, "too-many-pixels"),
    "high": (encoded(Image.new("L", (1, 100_000))), 413, "too-many-pixels"),
    "large": (encoded(Image.new("1", (4001, 4000))), 413, "too-many-pixels"),
    "png and zip": (PICTURE + zipped(), 422, "mixed-content"),
    "jpeg and zip": (JPEG + zipped(), 422, "mixed-content"),
    "webp and zip": (WEBP + zipped(), 422, "mixed-content"),
    "jpeg and php": (JPEG + b"\n<?php system($_GET[0]); ?>", 422, "mixed-content"),
    "jpeg in pdf": (JPEG[:20] + b"%PDF-1.7" + JPEG[20:], 422, "mixed-content"),
}


@pytest.mark.parametrize(("content", "status", "slug"), NO_PICTURES.values(), ids=NO_PICTURES)
@pytest.mark.filterwarnings("ignore:.*:UserWarning")
def test_what_is_no_picture_is_refused(
    service: FakeService, client: FlaskClient, content: bytes, status: int, slug: str
) -> None:
    by_form = client.post("/predict", data=form(content, "cat.jpg", "image/jpeg"))
    text = base64.b64encode(content).decode()
    by_json = client.post("/predict", json={"image": f"data:image/jpeg;base64,{text}"})
    assert refused(by_form, status, slug) == refused(by_json, status, slug)
    assert service.taken == 0


def whole(width: int, height: int) -> bytes:
    """A PNG that is whole but for its pixels."""
    return png_header(width, height) + b"\0\0\0\0IEND\xaeB`\x82"


def test_a_bomb_is_refused_by_what_it_says_of_itself(client: FlaskClient) -> None:
    sentence = refused(send(client, whole(12_000, 12_000)), 413, "too-many-pixels")
    assert "12,000 x 12,000" in sentence
    assert "16 million" in sentence


def test_a_file_may_have_four_mebibytes(client: FlaskClient) -> None:
    padding = (4 << 20) - len(PICTURE)
    assert send(client, PICTURE + bytes(padding)).status_code == 200
    too_large = PICTURE + bytes(padding + 1)
    assert "4 MiB" in refused(send(client, too_large), 413, "image-too-large")
    text = base64.b64encode(too_large).decode()
    refused(client.post("/predict", json={"image": text}), 413, "image-too-large")


def test_a_body_has_a_limit_too(client: FlaskClient) -> None:
    for text in ("A" * (7 << 20), "data:image/png;base64," + "A" * (7 << 20)):
        refused(client.post("/predict", json={"image": text}), 413, "body-too-large")
    refused(send(client, bytes(7 << 20)), 413, "body-too-large")


def test_the_phones_own_trailers_are_no_second_content(client: FlaskClient) -> None:
    for trailer in (bytes(100), b"\0\0\0\x18ftypmp42" + bytes(64), JPEG, b"SEFT\x08\0\0\0"):
        assert send(client, JPEG + trailer).status_code == 200


# What is no request


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"image": ' + b"[" * 50_000,
        b'{"image": 1' + b"0" * 5_000 + b"}",
        b"image=x",
    ],
)
def test_what_is_no_json_is_refused(client: FlaskClient, body: bytes) -> None:
    response = client.post("/predict", data=body, content_type="application/json")
    refused(response, 400, "invalid-json")


@pytest.mark.parametrize(
    "document", [[], {}, "text", 3, None, {"Image": "x"}, {"image": 3}, {"image": ["x"]}]
)
def test_json_without_a_picture_is_refused(client: FlaskClient, document: object) -> None:
    response = client.post(
        "/predict", data=json.dumps(document), content_type="application/json; charset=utf-8"
    )
    assert '"image"' in refused(response, 400, "no-image")


@pytest.mark.parametrize(
    "text", ["a", "äöü", "data:image/png,abc", "data:image/png;base64", "ab=c", "YWJj!", "\0"]
)
def test_what_is_no_base64_is_refused(client: FlaskClient, text: str) -> None:
    refused(client.post("/predict", json={"image": text}), 400, "invalid-base64")


def test_names_that_are_there_twice_are_refused(client: FlaskClient) -> None:
    text = base64.b64encode(PICTURE).decode()
    body = f'{{"image": "{text}", "image": "{text}"}}'
    twice = client.post("/predict", data=body, content_type="application/json")
    refused(twice, 400, "repeated-field")
    files = {"image": [(io.BytesIO(PICTURE), "a.png"), (io.BytesIO(PICTURE), "b.png")]}
    refused(client.post("/predict", data=files), 400, "repeated-field")


def test_a_form_without_a_file_is_refused(client: FlaskClient) -> None:
    other = client.post("/predict", data={"picture": (io.BytesIO(PICTURE), "a.png")})
    assert '"image"' in refused(other, 400, "no-image")
    text = client.post("/predict", data={"image": "a cat"}, content_type="multipart/form-data")
    assert "text, not a file" in refused(text, 400, "no-image")


@pytest.mark.parametrize(
    "content_type",
    [
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=other",
        "multipart/form-data; boundary=" + "x" * 3000,
    ],
)
def test_a_broken_form_is_refused(client: FlaskClient, content_type: str) -> None:
    body = b'--b\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\nx'
    response = client.post("/predict", data=body, content_type=content_type)
    refused(response, 400, "no-image")


def test_a_form_of_many_or_long_parts_is_refused(client: FlaskClient) -> None:
    many = {f"field{number}": "x" for number in range(100)}
    response = client.post("/predict", data=many, content_type="multipart/form-data")
    refused(response, 413, "body-too-large")
    long = {"field": "x" * 100_000}
    response = client.post("/predict", data=long, content_type="multipart/form-data")
    refused(response, 413, "body-too-large")


@pytest.mark.parametrize(
    "content_type",
    ["image/png", "text/plain", "application/x-www-form-urlencoded", "", "application/json5", "\t"],
)
def test_a_request_of_another_kind_is_refused(client: FlaskClient, content_type: str) -> None:
    response = client.post("/predict", data=PICTURE, content_type=content_type)
    assert "multipart/form-data" in refused(response, 415, "unsupported-media-type")


def test_a_body_that_ends_early_is_refused(client: FlaskClient) -> None:
    body = b'--b\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\nx'
    response = client.post(
        "/predict",
        input_stream=io.BytesIO(body),
        headers={"Content-Length": "5000"},
        content_type="multipart/form-data; boundary=b",
    )
    refused(response, 400, "no-image")


def test_another_address_or_method_is_refused(client: FlaskClient) -> None:
    refused(client.get("/nothing"), 404, "not-found")
    refused(client.get("/../etc/passwd"), 404, "not-found")
    wrong = client.get("/predict")
    refused(wrong, 405, "method-not-allowed")
    assert "POST" in wrong.headers["Allow"]


def test_the_model_takes_what_its_pixels_are(service: FakeService, client: FlaskClient) -> None:
    seen: list[tuple[int, ...]] = []

    def look(pixels: Any) -> Any:
        seen.append(pixels.shape)
        return brightness(pixels)

    service.scorer = look
    send(client, PICTURE)
    assert seen == [MODEL.input_shape]
