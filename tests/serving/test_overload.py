from __future__ import annotations

import json
import time
from dataclasses import replace
from itertools import count
from threading import Lock

import pytest

from slimbench.serving.figures import Overload
from slimbench.serving.job import Clients, Job, Load
from slimbench.serving.messages import get
from slimbench.serving.overload import overload, recovery_s
from slimbench.serving.scrape import totals
from tests.serving.small_server import port_of, serving

RIGHT = {"ok": True}


def served(*good: bool) -> Load:
    """One request a second from second 100 on, each answered in 5 ms."""
    times = [float(number) for number in range(len(good))]
    statuses = [200 if each else 503 for each in good]
    return Load(100.0, len(good), times, statuses, good, [5.0] * len(good), [0.0])


def test_recovery_is_when_the_last_bad_answer_is_past() -> None:
    load = served(True, False, False, True, False, True, True)
    assert recovery_s(load, 102.5, 50) == 2.5
    assert recovery_s(load, 105.5, 50) == 0.5
    assert recovery_s(load, 102.5, 4) is None  # all too slow
    assert recovery_s(served(True, True, False), 100.5, 50) is None
    assert recovery_s(load, 200, 50) is None


def test_a_server_is_flooded_probed_and_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("slimbench.serving.overload.AFTER_S", 0.5)
    numbers, lock = count(), Lock()

    def answer() -> tuple[int, bytes]:
        with lock:
            number = next(numbers)
        time.sleep(0.001)
        return (503, b"{}") if number % 3 == 0 else (200, json.dumps(RIGHT).encode())

    with serving(answer) as server:
        asked = Job(port_of(server), (get("/"),), (RIGHT,), Clients(1, 0))
        found = overload(asked, 20, 5, 0.5, limit_ms=1000)
    assert set(found.statuses) == {"200", "503"}
    assert found.offered_per_s == 100
    assert found.livez_failed > 0  # a third of the probes were refused
    assert found.failed >= found.livez_failed


GOOD = Overload(10, 1, 100, {"200": 5, "503": 2}, 0, 9, 1.0, 0, 0.5)


def test_everything_that_is_neither_right_nor_refused_counts_as_failed() -> None:
    assert GOOD.failed == 0
    assert replace(GOOD, statuses={"0": 2, "200": 1, "500": 3, "503": 1}).failed == 5
    assert replace(GOOD, wrong=1).failed == 1
    assert replace(GOOD, livez_failed=2).failed == 2
    assert replace(GOOD, recovery_s=None).failed == 1


def test_totals_are_over_all_models() -> None:
    text = (
        "# TYPE batch histogram\n"
        'batch_bucket{model="a",le="+Inf"} 4.0\nbatch_sum{model="a"} 10.0\n'
        'batch_count{model="a"} 4.0\nbatch_sum{model="b"} 1.0\nbatch_count{model="b"} 1.0\n'
    )
    assert totals(text, "batch") == (11, 5)
    with pytest.raises(ValueError, match="have no other"):
        totals(text, "other")
