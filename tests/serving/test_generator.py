"""The generator as a process of its own, against a real server."""

from __future__ import annotations

import json
import statistics
import threading
from dataclasses import replace

import numpy as np
import pytest

from slimbench.serving import load
from slimbench.serving.generator import poisson_schedule
from slimbench.serving.http_client import NO_RESPONSE
from slimbench.serving.load import (
    UNSENT,
    Clients,
    LoadResult,
    LoadTest,
    Poisson,
    load_test_from_json,
    load_test_to_json,
    running,
)
from slimbench.serving.messages import get
from tests.serving.small_server import Silent, port_of, serving, slow

RIGHT = {"all_scores": [1.0, 2.0]}
BODY = json.dumps(RIGHT).encode()
REQUESTS = (get("/0"), get("/1"))


def load_test(port: int, arrivals: Poisson | Clients, **changed: object) -> LoadTest:
    return replace(LoadTest(port, REQUESTS, (RIGHT, RIGHT), arrivals), **changed)  # type: ignore[arg-type]


def test_a_schedule_is_poisson_and_the_same_for_a_seed() -> None:
    arrivals = Poisson(rate_per_s=500, seconds=20, seed=3)
    found = poisson_schedule(arrivals)
    gaps = np.diff(found)
    assert found == sorted(found)
    assert found[-1] < 20
    assert len(found) == pytest.approx(10_000, rel=0.05)
    assert gaps.std() == pytest.approx(gaps.mean(), rel=0.05)  # as of an exponential
    assert poisson_schedule(arrivals) == found
    assert poisson_schedule(replace(arrivals, seed=4)) != found


def test_a_load_test_crosses_as_it_is() -> None:
    for arrivals in (Poisson(3.5, 2.0), Clients(8, 1.0, count=5, fresh=True)):
        made = LoadTest(80, (b"\x00\xff",), ({"a": [1, None]},), arrivals, limit_s=2.0)
        assert load_test_from_json(load_test_to_json(made)) == made
    with pytest.raises(ValueError, match="one expected answer a request, not 1 for 2"):
        LoadTest(80, REQUESTS, (None,), Clients(1, 1.0))


def test_clients_send_as_many_as_they_are_told_over_kept_connections() -> None:
    with serving(lambda: (200, BODY)) as server:
        result = load.run(load_test(port_of(server), Clients(4, 60, count=200)))
        assert result.by_status == {200: 200}
        assert result.right_count == 200
        assert server.connections == 4


def test_a_server_that_closes_is_connected_to_again() -> None:
    with serving(lambda: (200, BODY), keep=False, length=False) as server:
        result = load.run(load_test(port_of(server), Clients(2, 60, count=20)))
        assert result.right_count == 20
        assert server.connections == 20


def test_every_kind_of_end_is_told_apart() -> None:
    numbers = iter(range(1000))
    lock = threading.Lock()

    def answer() -> tuple[int, bytes]:
        with lock:
            number = next(numbers)
        kinds = [(200, BODY), (200, b'{"all_scores": [2.0, 1.0]}'), (503, b"{}"), (500, b"oh")]
        if number % 5 == 4:
            raise Silent
        return kinds[number % 5]

    with serving(answer) as server:
        result = load.run(load_test(port_of(server), Clients(1, 60, count=50)))
    assert result.by_status == {NO_RESPONSE: 10, 200: 20, 500: 10, 503: 10}
    assert (result.right_count, result.wrong_count) == (10, 10)
    assert result.faults == {"closed without a whole answer": 10}
    assert len(result.wrong) == 3
    assert "[2.0, 1.0]" in result.wrong[0]
    assert [each is None for each in result.latencies_ms].count(True) == 10


def test_a_request_that_takes_too_long_is_given_up() -> None:
    with serving(slow(1.0, BODY)) as server:
        result = load.run(load_test(port_of(server), Clients(1, 60, count=1), limit_s=0.1))
    assert result.by_status == {NO_RESPONSE: 1}
    assert result.faults == {"no answer in time": 1}


def test_nobody_listening_is_no_answer() -> None:
    with serving(slow(0)) as server:
        port = port_of(server)
    for arrivals in (Clients(2, 0.1), Poisson(100, 0.2, grace_s=1)):
        result = load.run(load_test(port, arrivals))
        assert set(result.by_status) == {NO_RESPONSE}
        assert set(result.faults) == {"ConnectionRefusedError"}


def test_poisson_arrivals_do_not_wait_for_answers() -> None:
    with serving(slow(0.2, BODY)) as server:
        result = load.run(load_test(port_of(server), Poisson(50, 1.0, connections=64)))
    assert result.right_count == len(poisson_schedule(Poisson(50, 1.0)))
    latencies = [each for each in result.latencies_ms if each is not None]
    assert min(latencies) >= 200
    assert server.connections > 5  # five a turn if they had waited for each other


def test_latency_counts_from_the_scheduled_arrival() -> None:
    """One connection, so that a second request waits for the first: its wait is its latency."""
    arrivals = Poisson(100, 0.5, connections=1)
    with serving(slow(0.05, BODY)) as server:
        result = load.run(load_test(port_of(server), arrivals))
    answered = [each for each in result.latencies_ms if each is not None]
    assert statistics.median(answered) > 100
    assert result.by_status[UNSENT] > 5
    assert result.faults["no connection became free"] == result.by_status[UNSENT]
    assert max(result.lags_ms) > 100
    assert len(result.statuses) == len(poisson_schedule(arrivals))


def test_a_generator_ends_with_its_block() -> None:
    with serving(slow(0.01, BODY)) as server:
        with running(load_test(port_of(server), Clients(1, 600))) as generator:
            pass
        assert generator.process.returncode is not None


def test_a_fault_of_the_generator_is_not_taken_for_a_result() -> None:
    with pytest.raises(
        RuntimeError, match=r"generator ended: exit status 1; its last line: .*port"
    ):
        load.run(load_test(70_000, Clients(1, 1.0)))


def test_what_was_not_right_counts_as_never_answered() -> None:
    def answered(right: int, wrong: int) -> LoadResult:
        count = right + wrong
        flags = [True] * right + [False] * wrong
        times = [float(each) for each in range(count)]
        return LoadResult(0.0, 1.0, times, [200] * count, flags, times, [0.0])

    assert answered(100, 0).percentile_ms(99) == 99
    assert answered(99, 1).percentile_ms(90) == 90
    assert answered(98, 2).percentile_ms(99) is None
    assert answered(0, 0).percentile_ms(50) is None
