from __future__ import annotations

import io

import pytest

from slimbench.webapp import state
from slimbench.webapp.state import RateLimit
from tests.datasets.photos.pictures import encoded, noise
from tests.webapp.fake import FakeService, app_of


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_bucket_is_emptied_and_fills_again() -> None:
    clock = Clock()
    limit = RateLimit(0.5, 3, clock)
    assert [limit.take("a") for _ in range(5)] == [0, 0, 0, 2, 2]
    assert limit.take("b") == 0
    clock.now += 1.9
    assert limit.take("a") == 1
    clock.now += 0.1
    assert [limit.take("a"), limit.take("a")] == [0, 2]
    clock.now += 1000
    assert [limit.take("a") for _ in range(4)] == [0, 0, 0, 2]


def test_it_forgets_who_asked_longest_ago(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state, "REMEMBERED", 2)
    limit = RateLimit(0.1, 1, Clock())
    assert [limit.take(client) for client in "abab"] == [0, 0, 10, 10]
    assert [limit.take(client) for client in "cba"] == [0, 10, 0]


def test_who_asks_too_often_is_told_when_to_come_again() -> None:
    app = app_of(FakeService(), rate=0.01, rate_burst=2)
    picture = encoded(noise(0))

    def send(address: str) -> tuple[int, str | None]:
        response = app.test_client().post(
            "/predict",
            data={"image": (io.BytesIO(picture), "a.png")},
            environ_base={"REMOTE_ADDR": address},
            headers={"X-Client-Id": "another each time"},
        )
        return response.status_code, response.headers.get("Retry-After")

    assert [send("192.0.2.1") for _ in range(3)] == [(200, None), (200, None), (429, "100")]
    assert send("192.0.2.2") == (200, None)
    assert app.test_client().get("/livez").status_code == 200
    text = app.test_client().get("/metrics").text
    assert 'slimbench_requests_total{model="tiny_f32",outcome="limited",version="7"} 1.0' in text
