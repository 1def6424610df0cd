"""The server on a real socket, with clients that behave badly."""

from __future__ import annotations

import contextlib
import http.client
import json
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from slimbench.webapp import http_server, probes
from slimbench.webapp.app import create_app
from slimbench.webapp.http_server import Server
from slimbench.webapp.settings import Settings
from slimbench.webapp.supervisor import listen
from tests.datasets.photos.pictures import encoded, noise
from tests.webapp.fake import MODEL, FakeService

PATIENCE = 30.0
"""Seconds after which a test is lost."""

HEAD = b'--b\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n\r\n'
BODY = HEAD + encoded(noise(0)) + b"\r\n--b--\r\n"
FORM = {"Content-Type": "multipart/form-data; boundary=b"}
REQUEST = (
    b"POST /predict HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=b\r\n"
    + f"Content-Length: {len(BODY)}\r\n\r\n".encode()
)


class Running:
    """A server in a thread."""

    def __init__(self, service: FakeService, **settings: Any) -> None:
        self.service = service
        self.settings = Settings(**{"port": 0, "workers": 2, "queue": 2, **settings})
        listener = listen(self.settings)
        self.address = listener.getsockname()[:2]
        service.workers = self.settings.workers
        self.server = Server(create_app(self.settings, service), self.settings, listener)
        self.is_ended = False
        self.whole: list[bool] = []
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self) -> None:
        self.whole.append(self.server.run())

    def drain(self) -> None:
        """End as a signal makes a server end."""
        self.server.drain()
        self.service.drain(PATIENCE)
        self.is_ended = True
        self.server.stop()

    def connect(self) -> socket.socket:
        return socket.create_connection(self.address, PATIENCE)

    def ask(self, method: str, path: str, **options: Any) -> tuple[int, dict[str, Any]]:
        connection = http.client.HTTPConnection(*self.address, timeout=PATIENCE)
        with contextlib.closing(connection):
            connection.request(method, path, **options)
            response = connection.getresponse()
            return response.status, json.loads(response.read())

    def predict(self) -> int:
        return self.ask("POST", "/predict", body=BODY, headers=FORM)[0]


Start = Callable[..., Running]


@pytest.fixture
def start() -> Iterator[Start]:
    running: list[Running] = []

    def start(service: FakeService | None = None, **settings: Any) -> Running:
        running.append(Running(service or FakeService(), **settings))
        return running[-1]

    yield start
    for each in running:
        each.service.gate.set()
        if not each.is_ended:
            each.drain()
        each.thread.join(PATIENCE)
        assert not each.thread.is_alive()


def received(connection: socket.socket) -> bytes:
    """Return all that a server sends until it closes the connection."""
    parts = []
    with contextlib.suppress(ConnectionResetError):
        while part := connection.recv(1 << 16):
            parts.append(part)
    return b"".join(parts)


def problem(answer: bytes) -> dict[str, Any]:
    """Return the problem in an answer, whose headers are as every answer's."""
    head, body = answer.split(b"\r\n\r\n", 1)
    headers = head.lower().split(b"\r\n")
    assert b"content-type: application/problem+json" in headers
    assert b"x-content-type-options: nosniff" in headers
    assert b"server: slimbench" in headers
    assert b"granian" not in answer
    found: dict[str, Any] = json.loads(body)
    assert int(head.split()[1]) == found["status"]
    return found


def wait_until(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_it_serves(start: Start) -> None:
    running = start()
    assert running.predict() == 200
    assert running.ask("GET", "/livez") == (200, {"status": "alive"})


# What the server itself refuses


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nContent-Length: many\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nNo colon\r\n\r\n", 400),
        (b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 200 + b"\r\n", 431),
        (b"GET / HTTP/1.1\r\nA: " + b"a" * 600_000 + b"\r\n\r\n", 431),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: br\r\n\r\n", 400),
    ],
)
def test_what_is_no_http_is_refused_and_the_connection_closed(
    start: Start, sent: bytes, status: int
) -> None:
    running = start()
    with running.connect() as connection:
        with contextlib.suppress(OSError):
            connection.sendall(sent)
        answer = received(connection)
    if answer:  # a request that is longer than what is read may break the connection
        assert answer.startswith(f"HTTP/1.1 {status} ".encode())
        assert b"granian" not in answer
    else:
        assert len(sent) > 100_000
    assert running.predict() == 200


def test_a_body_that_makes_no_sense_is_a_problem(start: Start) -> None:
    with start().connect() as connection:
        connection.sendall(b"POST /predict HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
        assert 400 <= problem(received(connection))["status"] < 500


@pytest.mark.parametrize("size", [7 << 20, 50 << 20])
def test_who_sends_too_much_reads_why(start: Start, size: int) -> None:
    running = start()
    status, said = running.ask("POST", "/predict", body=bytes(size), headers=FORM)
    assert (status, said["type"]) == (413, "/problems/body-too-large")
    assert running.predict() == 200


def test_what_is_announced_too_large_is_refused_before_it_is_sent(start: Start) -> None:
    running = start()
    announced = b"POST /predict HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: "
    with running.connect() as connection:
        connection.sendall(announced + b"7000000\r\n\r\n")
        assert problem(received(connection))["type"] == "/problems/body-too-large"
    with running.connect() as connection:
        connection.sendall(announced + b"100\r\n\r\n")
        assert connection.recv(1000).startswith(b"HTTP/1.1 100 Continue")


def test_what_is_far_too_much_is_cut(start: Start) -> None:
    running = start()
    with running.connect() as connection:
        connection.sendall(b"POST /predict HTTP/1.1\r\nContent-Length: 99000000000\r\n\r\n")
        assert problem(received(connection))["type"] == "/problems/body-too-large"


def test_a_body_in_chunks_has_the_same_limit(start: Start) -> None:
    running = start(picture_bytes=1000)
    chunked = b"POST /predict HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    with running.connect() as connection:
        connection.sendall(chunked + b"20000\r\n" + bytes(0x20000) + b"\r\n")
        assert problem(received(connection))["type"] == "/problems/body-too-large"
    with running.connect() as connection:
        kind = b"Content-Type: multipart/form-data; boundary=b\r\nConnection: close\r\n"
        head = chunked[:-2] + kind + b"\r\n"
        size = f"{len(BODY):x}\r\n".encode()
        connection.sendall(head + size + BODY + b"\r\n0\r\n\r\n")
        assert received(connection).startswith(b"HTTP/1.1 200")


def test_a_fault_before_the_application_is_a_problem_and_in_the_log(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    running = start()

    def fall(_: str) -> Any:
        raise ZeroDivisionError

    running.service.choose = fall  # type: ignore[method-assign]
    status, said = running.ask("POST", "/predict", body=BODY, headers=FORM)
    assert (status, said["type"]) == (500, "/problems/internal-error")
    assert "ZeroDivisionError" in caplog.text


def test_what_the_server_says_itself_goes_where_everything_goes(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    start()
    logging.getLogger("_granian").error("out of files")
    assert "out of files" in caplog.text
    assert "experimental" not in caplog.text


# Clients that are slow, or gone


@pytest.mark.parametrize("sent", [REQUEST, REQUEST + BODY[:50]])
def test_a_request_that_does_not_arrive_is_refused(start: Start, sent: bytes) -> None:
    running = start(upload_seconds=0.1)
    with running.connect() as connection:
        connection.sendall(sent)
        assert problem(received(connection))["type"] == "/problems/request-timeout"
    assert running.service.taken == 0
    assert running.predict() == 200


def test_headers_that_do_not_arrive_end_the_connection(start: Start) -> None:
    running = start(upload_seconds=0.1)
    with running.connect() as connection:
        connection.sendall(b"POST /pre")
        assert received(connection) == b""
    assert running.predict() == 200


def test_headers_that_trickle_in_do_too(start: Start) -> None:
    with start(upload_seconds=0.3, idle_seconds=PATIENCE).connect() as connection:
        connection.sendall(b"POST /predict HTTP/1.1\r\n")
        connection.settimeout(0.02)
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            with contextlib.suppress(TimeoutError):
                assert connection.recv(100) == b""
                return
            with contextlib.suppress(BrokenPipeError):
                connection.sendall(b"A: b\r\n")
    pytest.fail("it is still open")


def test_a_request_that_trickles_in_is_refused_too(start: Start) -> None:
    running = start(upload_seconds=0.3, idle_seconds=PATIENCE)
    with running.connect() as connection:
        connection.sendall(REQUEST)
        stopped = threading.Event()

        def trickle() -> None:
            with contextlib.suppress(OSError):
                for byte in BODY * 1000:
                    if stopped.wait(0.01):
                        break
                    connection.sendall(bytes([byte]))

        sender = threading.Thread(target=trickle)
        sender.start()
        answer = received(connection)
        stopped.set()
        sender.join(PATIENCE)
    assert problem(answer)["type"] == "/problems/request-timeout"


def test_a_connection_that_asks_nothing_is_closed(start: Start) -> None:
    with start(idle_seconds=0.1).connect() as connection:
        assert received(connection) == b""


def test_a_client_that_is_gone_harms_nobody(start: Start) -> None:
    running = start(workers=4)
    running.service.gate.clear()
    for _ in range(3):
        with running.connect() as connection:
            connection.sendall(REQUEST + BODY)
            assert running.service.waiting.acquire(timeout=PATIENCE)
    with running.connect() as connection:
        connection.sendall(REQUEST + BODY[:30])
    running.service.gate.set()
    wait_until(lambda: running.service.taken == 0)
    assert [running.predict() for _ in range(6)] == [200] * 6


# Load


def test_probes_answer_while_every_other_thread_is_taken(start: Start) -> None:
    service = FakeService(places=4)
    running = start(service, workers=4, queue=0)
    service.gate.clear()
    threads = running.settings.places
    senders = [threading.Thread(target=running.predict) for _ in range(threads + 5)]
    for sender in senders:
        sender.start()
    for _ in range(threads):
        assert service.waiting.acquire(timeout=PATIENCE)
    for path in ("/livez", "/readyz"):
        assert running.ask("GET", path)[0] == 200
    service.gate.set()
    for sender in senders:
        sender.join(PATIENCE)


def test_hundreds_of_half_requests_do_not_keep_others_out(start: Start) -> None:
    running = start(upload_seconds=PATIENCE)
    with contextlib.ExitStack() as opened:
        for number in range(600):
            connection = opened.enter_context(running.connect())
            connection.sendall((b"", b"POST /pre", REQUEST, REQUEST + BODY[:50])[number % 4])
        assert running.ask("GET", "/livez")[0] == 200
        assert running.predict() == 200
        assert running.service.taken == 0


def test_over_capacity_the_others_are_told_to_come_again(start: Start) -> None:
    service = FakeService(places=2)
    running = start(service)
    service.gate.clear()
    statuses: list[int] = []
    senders = [
        threading.Thread(target=lambda: statuses.append(running.predict())) for _ in range(2)
    ]
    for sender in senders:
        sender.start()
        assert service.waiting.acquire(timeout=PATIENCE)
    assert [running.predict() for _ in range(20)] == [503] * 20
    service.gate.set()
    for sender in senders:
        sender.join(PATIENCE)
    assert statuses == [200, 200]
    assert running.predict() == 200


@pytest.fixture
def full(start: Start) -> Iterator[Running]:
    """A server whose only place is taken."""
    running = start(FakeService(places=1))
    running.service.gate.clear()
    sender = threading.Thread(target=running.predict)
    sender.start()
    assert running.service.waiting.acquire(timeout=PATIENCE)
    yield running
    running.service.gate.set()
    sender.join(PATIENCE)


def test_who_is_refused_is_told_as_by_the_application(
    full: Running, caplog: pytest.LogCaptureFixture
) -> None:
    connection = http.client.HTTPConnection(*full.address, timeout=PATIENCE)
    with contextlib.closing(connection), caplog.at_level("INFO"):
        for number in range(3):  # over one connection, since nothing is wrong with that
            headers = {**FORM, "X-Request-Id": f"mine-{number}", "X-Client-Id": "me"}
            connection.request("POST", "/predict", BODY, headers)
            response = connection.getresponse()
            said = json.loads(response.read())
            assert response.status == 503
            assert response.headers["Retry-After"] == "3"
            assert response.headers["X-Request-Id"] == said["request_id"] == f"mine-{number}"
            assert response.headers["Content-Type"] == "application/problem+json"
            assert "Content-Security-Policy" in response.headers
            assert said["type"] == "/problems/busy"
            assert said["error"].endswith("try again in 3 s.")
    assert full.service.clients[-1] == "me"
    connection = http.client.HTTPConnection(*full.address, timeout=PATIENCE)
    with contextlib.closing(connection):
        connection.request("GET", "/metrics")
        metrics = connection.getresponse().read().decode()
    label = 'model="tiny_f32",outcome="busy",version="7"'
    assert f"slimbench_requests_total{{{label}}} 3.0" in metrics
    logged = [vars(each)["fields"] for each in caplog.records if each.message == "request"]
    assert [each["request_id"] for each in logged] == ["mine-0", "mine-1", "mine-2"]
    assert {(each["outcome"], each["status"], each["version"]) for each in logged} == {
        ("busy", 503, "7")
    }


def test_a_slow_reading_of_the_metrics_does_not_delay_who_asks_whether_it_lives(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = start()
    asked, goes_on = threading.Event(), threading.Event()

    def slow(_: object) -> bytes:
        asked.set()
        goes_on.wait(PATIENCE)
        return b""

    monkeypatch.setattr(probes, "generate_latest", slow)
    with running.connect() as connection:
        connection.sendall(b"GET /metrics HTTP/1.1\r\nConnection: close\r\n\r\n")
        assert asked.wait(PATIENCE)
        assert running.ask("GET", "/livez") == (200, {"status": "alive"})
        goes_on.set()
        assert received(connection).startswith(b"HTTP/1.1 200")


def test_requests_in_a_row_are_refused_in_their_order(full: Running) -> None:
    asked = (REQUEST + BODY) * 2 + b"GET /livez HTTP/1.1\r\nConnection: close\r\n\r\n"
    with full.connect() as connection:
        connection.sendall(asked)
        answers = received(connection).split(b"HTTP/1.1 ")[1:]
    assert [answer[:3] for answer in answers] == [b"503", b"503", b"200"]


def test_a_place_of_a_client_that_left_before_its_turn_is_free_again(start: Start) -> None:
    service = FakeService(places=2)
    running = start(service, workers=1)
    service.gate.clear()
    for number in range(2):
        with running.connect() as connection:
            connection.sendall(REQUEST + BODY)
            wait_until(lambda taken=number + 1: service.taken == taken)
    service.gate.set()
    wait_until(lambda: service.taken == 0)
    assert running.predict() == 200


def test_who_waits_for_a_worker_until_the_deadline_is_told_then(start: Start) -> None:
    service = FakeService(places=4)
    running = start(service, workers=1, deadline_seconds=2.0)
    service.gate.clear()
    answers: list[int] = []
    first = threading.Thread(target=lambda: answers.append(running.predict()))
    first.start()
    assert service.waiting.acquire(timeout=PATIENCE)
    status, said = running.ask("POST", "/predict", body=BODY, headers=FORM)
    assert (status, said["type"]) == (504, "/problems/late")
    assert service.taken == 1
    assert answers == []
    service.gate.set()
    first.join(PATIENCE)


def test_stable_waits_for_no_canary(start: Start) -> None:
    service = FakeService(places=4)
    service.canary = service.held = replace(MODEL, version="8")
    running = start(service, workers=1)
    service.gate.clear()
    answers: list[int] = []

    def ask_canary() -> None:
        headers = {**FORM, "X-Client-Id": "new"}
        answers.append(running.ask("POST", "/predict", body=BODY, headers=headers)[0])

    senders = [threading.Thread(target=ask_canary) for _ in range(2)]
    for sender in senders:
        sender.start()
    wait_until(lambda: service.taken == 2)
    assert running.predict() == 200
    assert answers == []
    service.gate.set()
    for sender in senders:
        sender.join(PATIENCE)
    assert answers == [200, 200]


def test_an_address_written_otherwise_passes_no_queue(start: Start) -> None:
    service = FakeService(places=4)
    running = start(service, workers=1)
    service.gate.clear()
    statuses: list[int] = []

    def post(path: str) -> None:
        statuses.append(running.ask("POST", path, body=BODY, headers=FORM)[0])

    senders = [threading.Thread(target=post, args=(path,)) for path in ("/predict", "//predict")]
    for count, sender in enumerate(senders, start=1):
        sender.start()
        wait_until(lambda taken=count: service.taken == taken)
    assert service.waiting.acquire(timeout=PATIENCE)
    assert not service.waiting.acquire(timeout=0.1)  # the other waits for the only thread
    service.gate.set()
    for sender in senders:
        sender.join(PATIENCE)
    assert statuses == [200, 200]


def test_hundreds_of_connections_are_served_whatever_the_others_do(start: Start) -> None:
    running = start(FakeService(places=100), workers=2, queue=98)
    with contextlib.ExitStack() as opened:
        idle = [opened.enter_context(running.connect()) for _ in range(100)]
        for _ in range(2):
            for connection in idle:
                connection.sendall(REQUEST + BODY)
            for connection in idle:
                assert connection.recv(1 << 16).startswith(b"HTTP/1.1 200")
        for connection in idle[:50]:
            connection.close()
        assert running.predict() == 200


# The end


def test_what_was_accepted_is_answered_before_the_end(start: Start) -> None:
    service = FakeService(places=4)
    running = start(service, workers=4)
    service.gate.clear()
    statuses: list[int] = []
    senders = [
        threading.Thread(target=lambda: statuses.append(running.predict())) for _ in range(4)
    ]
    for sender in senders:
        sender.start()
    for _ in senders:
        assert service.waiting.acquire(timeout=PATIENCE)
    drain = threading.Thread(target=running.drain)
    drain.start()
    wait_until(lambda: service.draining)
    status, said = running.ask("GET", "/readyz")
    assert (status, said["type"]) == (503, "/problems/draining")
    assert running.ask("GET", "/livez")[0] == 200
    assert running.predict() == 503
    assert statuses == []
    service.gate.set()
    for each in (drain, running.thread, *senders):
        each.join(PATIENCE)
    assert statuses == [200] * 4
    assert running.whole == [True]
    with pytest.raises(ConnectionError):
        running.connect()


def test_while_it_drains_each_answer_is_the_connections_last(start: Start) -> None:
    service = FakeService()
    running = start(service)
    service.gate.clear()
    with running.connect() as connection:
        connection.sendall(REQUEST + BODY)
        assert service.waiting.acquire(timeout=PATIENCE)
        drain = threading.Thread(target=running.drain)
        drain.start()
        wait_until(lambda: service.draining)
        service.gate.set()
        answer = received(connection)
        drain.join(PATIENCE)
    assert answer.startswith(b"HTTP/1.1 200")
    assert b"\r\nconnection: close\r\n" in answer.lower()


def test_an_idle_connection_does_not_hold_up_the_end(start: Start) -> None:
    running = start()
    with running.connect():
        running.drain()
        running.thread.join(PATIENCE)
        assert running.whole == [True]


@pytest.mark.parametrize("sent", [b"POST /pre", REQUEST + BODY[:50]])
def test_half_a_request_does_not_hold_up_the_end_either(start: Start, sent: bytes) -> None:
    running = start()
    with running.connect() as connection:
        connection.sendall(sent)
        running.drain()
        running.thread.join(PATIENCE)
    assert running.whole == [True]


def test_a_client_that_does_not_read_does_not_hold_up_the_end(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_server, "LAST_SECONDS", 1.0)
    running = start()
    with running.connect() as connection:
        ask = b"GET /openapi.json HTTP/1.1\r\nHost: a\r\n\r\n"
        connection.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            connection.sendall(ask * 5000)
        running.drain()
        running.thread.join(PATIENCE)
        assert not running.thread.is_alive()
