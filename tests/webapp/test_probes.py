from __future__ import annotations

import io
import threading
from collections.abc import Iterable
from typing import Any

import pytest
from flask import Flask
from prometheus_client.parser import text_string_to_metric_families

from slimbench.webapp.metrics import OUTCOMES
from slimbench.webapp.spec import Failed
from tests.datasets.photos.pictures import encoded, noise
from tests.webapp.fake import FakeService, app_of

PICTURE = encoded(noise(0))


def send(app: Flask, content: bytes = PICTURE) -> int:
    return (
        app.test_client()
        .post("/predict", data={"image": (io.BytesIO(content), "a.png")})
        .status_code
    )


def samples(app: Flask) -> dict[str, list[tuple[dict[str, str], float]]]:
    found: dict[str, list[tuple[dict[str, str], float]]] = {}
    for family in text_string_to_metric_families(app.test_client().get("/metrics").text):
        for sample in family.samples:
            found.setdefault(sample.name, []).append((dict(sample.labels), sample.value))
    return found


def only(found: Iterable[tuple[dict[str, str], float]], **labels: str) -> float:
    (value,) = [value for own, value in found if own.items() >= labels.items()]
    return value


@pytest.mark.parametrize(
    ("warm", "draining", "status"), [(True, False, 200), (False, False, 503), (True, True, 503)]
)
def test_it_is_ready_once_warm_and_until_it_drains(warm: bool, draining: bool, status: int) -> None:
    service = FakeService()
    service.warm, service.draining = warm, draining
    client = app_of(service).test_client()
    ready = client.get("/readyz")
    assert ready.status_code == status
    assert client.get("/livez").status_code == 200
    if status == 503:
        assert ready.get_json(force=True)["type"] == "/problems/draining"
        assert int(ready.headers["Retry-After"]) >= 1


def test_they_answer_while_all_places_are_taken() -> None:
    service = FakeService(places=1)
    service.gate.clear()
    app = app_of(service)
    sender = threading.Thread(target=send, args=(app,))
    sender.start()
    assert service.waiting.acquire(timeout=30)
    client = app.test_client()
    assert client.get("/livez").status_code == 200
    assert client.get("/readyz").status_code == 200
    assert only(samples(app)["slimbench_queue_depth"]) == 1
    service.gate.set()
    sender.join(30)
    assert only(samples(app)["slimbench_queue_depth"]) == 0


def test_requests_are_counted_by_what_became_of_them() -> None:
    service = FakeService()
    app = app_of(service)
    assert [send(app), send(app), send(app, b"no picture")] == [200, 200, 415]
    service.refusal = Failed("x")
    assert send(app) == 500
    service.refusal = None
    service.places = 0
    assert send(app) == 503

    def fall(_: Any) -> Any:
        raise ZeroDivisionError

    service.places, service.scorer = 4, fall
    assert send(app) == 500
    found = samples(app)["slimbench_requests_total"]
    assert {labels["outcome"]: value for labels, value in found if value} == {
        "ok": 2,
        "invalid": 1,
        "failed": 1,
        "busy": 1,
        "fault": 1,
    }
    assert {labels["outcome"] for labels, _ in found} == set(OUTCOMES)


def test_times_and_batches_are_those_of_the_answers() -> None:
    app = app_of(FakeService())
    send(app)
    send(app)
    found = samples(app)
    for name, total in (
        ("slimbench_inference_seconds", 0.004),
        ("slimbench_batch_size", 6),
    ):
        assert only(found[f"{name}_count"], model="tiny_f32", version="7") == 2
        assert only(found[f"{name}_sum"]) == pytest.approx(total)
    assert only(found["slimbench_decode_seconds_sum"]) > 0
    assert only(found["process_resident_memory_bytes"]) > 1 << 20


def test_labels_are_few_whatever_clients_send() -> None:
    app = app_of(FakeService())
    before = len(samples(app)["slimbench_requests_total"])
    for number in range(20):
        app.test_client().get(f"/{number}")
        send(app, bytes(number))
    found = samples(app)
    assert len(found["slimbench_requests_total"]) == before
    for name, values in found.items():
        if name.startswith("slimbench_"):
            for labels, _ in values:
                assert set(labels) <= {"model", "version", "outcome", "le"}


def test_two_applications_count_apart() -> None:
    first, second = app_of(FakeService()), app_of(FakeService())
    send(first)
    assert only(samples(first)["slimbench_requests_total"], outcome="ok") == 1
    assert only(samples(second)["slimbench_requests_total"], outcome="ok") == 0
