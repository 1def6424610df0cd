"""Places, deadlines and failures, with models that do as they are told."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from slimbench.errors import UsageProblem
from slimbench.webapp.inference import Serving, open_service
from slimbench.webapp.inference.runner import Opened
from slimbench.webapp.manifest import Models
from slimbench.webapp.spec import Answer, Busy, Draining, Failed, Late, Place, ServedModel
from tests.webapp.crew import ask
from tests.webapp.runners import BAD, CANARY, MODELS, STABLE, Held, picture

ALONE = Models(STABLE)


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(64) as executor:
        yield executor


def serving(held: Held, *, workers: int = 1, queue: int = 8) -> Serving:
    return open_service(ALONE, workers=workers, queue=queue, batching=False, load=held)


def wait_taken(service: Serving, count: int) -> None:
    end = time.monotonic() + 30
    while service.taken != count:
        assert time.monotonic() < end
        time.sleep(0.001)


def wait_waiting(service: Serving, count: int) -> None:
    end = time.monotonic() + 30
    while service.waiting != count:
        assert time.monotonic() < end
        time.sleep(0.001)


def wait_closed(place: Place) -> None:
    """Wait until nothing more is taken, by asking what is late already."""
    while True:
        try:
            place.answer(picture(0), STABLE, time.monotonic() - 1)
        except Draining:
            return
        except Late:
            time.sleep(0.001)


def fill(
    threads: ThreadPoolExecutor, service: Serving, held: Held, values: range
) -> list[Future[Answer]]:
    """Have the one interpreter kept busy by 0, and these wait behind it."""
    asked = [threads.submit(ask, service, 0)]
    held.wait_entered()
    asked += [threads.submit(ask, service, value) for value in values]
    wait_waiting(service, len(values))
    return asked


def values(asked: list[Future[Answer]]) -> list[int]:
    return [int(each.result(30).scores[0]) - 1000 for each in asked]


def test_over_capacity_is_busy_at_once(threads: ThreadPoolExecutor) -> None:
    held = Held()
    service = serving(held, workers=1, queue=2)
    asked = fill(threads, service, held, range(1, 3))
    with pytest.raises(Busy):
        service.enter()
    held.go.set()
    assert values(asked) == [0, 1, 2]
    assert ask(service, 7).scores[0] == 1007
    assert service.taken == 0
    service.close()


def test_retry_after_is_what_those_inside_take() -> None:
    held = Held(seconds=2.0)
    service = open_service(ALONE, workers=2, queue=3, batching=False, load=held)
    taken = [service.enter() for _ in range(5)]
    with pytest.raises(Busy) as caught:
        service.enter()
    assert caught.value.retry_after == 5
    for each in taken:
        each.__exit__(None, None, None)
    service.close()


def test_a_place_is_given_back_once() -> None:
    service = serving(Held(), workers=1, queue=0)
    place = service.enter()
    with place:
        pass
    place.__exit__(None, None, None)
    with service.enter(), pytest.raises(Busy):
        service.enter()
    service.close()


def test_what_is_late_is_told_in_time_and_never_computed(threads: ThreadPoolExecutor) -> None:
    held = Held()
    service = serving(held)
    asked = fill(threads, service, held, range(0))
    with pytest.raises(Late):
        ask(service, 5, seconds=0.05)
    with pytest.raises(Late):
        ask(service, 6, seconds=-1)
    held.go.set()
    assert values(asked) == [0]
    with pytest.raises(Late):
        ask(service, 7, seconds=-1)
    assert ask(service, 8).batch == 1
    assert held.pictures == [0, 8]
    service.close()


def test_an_answer_after_the_deadline_is_late(threads: ThreadPoolExecutor) -> None:
    held = Held()
    service = serving(held)
    asked = threads.submit(ask, service, 1, STABLE, 1.0)  # enough to be entered in
    held.wait_entered()
    time.sleep(1.0)  # the deadline was set before, so it is over
    held.go.set()
    with pytest.raises(Late):
        asked.result(30)
    assert ask(service, 2).scores[0] == 1002
    service.close()


def test_an_endless_deadline_may_be_given(threads: ThreadPoolExecutor) -> None:
    held = Held()
    service = serving(held)
    asked = fill(threads, service, held, range(0))
    endless = threads.submit(ask, service, 1, STABLE, float("inf"))
    wait_taken(service, 2)
    held.go.set()
    assert values([*asked, endless]) == [0, 1]
    service.close()


def test_an_exception_costs_its_own_request_only() -> None:
    held = Held()
    held.go.set()
    service = serving(held)
    for _ in range(3):
        with pytest.raises(Failed) as caught:
            ask(service, BAD)
        assert "node number 3" in str(caught.value.__cause__)
        assert "node" not in str(caught.value)
        assert ask(service, 1).scores[0] == 1001
    assert service.taken == 0
    service.close()


def test_draining_loses_nothing_that_was_accepted(threads: ThreadPoolExecutor) -> None:
    held = Held()
    service = serving(held, workers=2, queue=30)
    asked = [threads.submit(ask, service, value) for value in range(30)]
    wait_taken(service, 30)
    assert service.ready
    assert not service.drain(0.05)
    assert not service.ready
    with pytest.raises(Draining):
        service.enter()
    drained = threads.submit(service.drain, 90)
    held.go.set()
    assert drained.result(30)
    assert sorted(values(asked)) == list(range(30))
    service.close()
    assert all(runner.closed for runner in held.runners)


def test_closing_lets_those_inside_be_answered(threads: ThreadPoolExecutor) -> None:
    held = Held()
    service = serving(held, workers=2, queue=30)
    with service.enter() as early:
        asked = [threads.submit(ask, service, value) for value in range(30)]
        wait_taken(service, 31)
        held.wait_entered(2)
        wait_waiting(service, 28)
        closing = threads.submit(service.close)
        wait_closed(early)
        assert not closing.done()
        held.go.set()
        closing.result(30)
        assert sorted(values(asked)) == list(range(30))
        with pytest.raises(Draining):
            early.answer(picture(1), STABLE, time.monotonic() + 9)
    service.close()
    assert all(runner.closed for runner in held.runners)


def test_nothing_is_taken_before_all_is_warm() -> None:
    held, may_load = Held(), threading.Event()
    held.go.set()

    def load(model: ServedModel, most: int) -> Opened:
        assert may_load.wait(30)
        return held(model, most)

    service = open_service(MODELS, workers=2, queue=1, batching=False, wait=False, load=load)
    assert not service.ready
    with pytest.raises(Draining):
        service.enter()
    with pytest.raises(TimeoutError):
        service.wait_until_ready(0.01)
    may_load.set()
    service.wait_until_ready(30)
    assert service.ready
    assert len(held.runners) == 4
    assert ask(service, 3).scores[0] == 1003
    service.close()


def test_each_client_has_its_model() -> None:
    held = Held()
    held.go.set()
    service = open_service(MODELS, workers=1, queue=1, batching=False, load=held)
    chosen = {service.choose(f"client {number}").version for number in range(50)}
    assert chosen == {"1", "2"}
    assert ask(service, 3, CANARY).scores[0] == 2003
    assert ask(service, 3, CANARY).model is CANARY
    service.close()


def test_a_canary_that_cannot_be_loaded_leaves_stable_alone() -> None:
    held = Held()
    held.go.set()

    def load(model: ServedModel, most: int) -> Opened:
        if model is CANARY:
            raise RuntimeError("unresolved custom op")
        return held(model, most)

    service = open_service(MODELS, workers=1, queue=1, batching=False, load=load)
    assert service.ready
    assert service.canary is None
    assert "unresolved custom op" in str(service.canary_problem)
    assert all(service.choose(f"client {number}") is STABLE for number in range(50))
    assert ask(service, 3).scores[0] == 1003
    service.close()


def test_a_stable_version_that_cannot_be_loaded_ends_the_server() -> None:
    held = Held()
    loaded = iter([True, False, False])
    lock = threading.Lock()

    def load(model: ServedModel, most: int) -> Opened:
        with lock:
            well = next(loaded)
        if not well:
            raise ValueError("LiteRT cannot run tiny.tflite: no")
        return held(model, most)

    with pytest.raises(UsageProblem, match="tiny, version 1, cannot be served: LiteRT cannot run"):
        open_service(ALONE, workers=3, queue=1, batching=False, load=load)
    assert [runner.closed for runner in held.runners] == [True]


def test_a_slow_canary_leaves_stable_its_places(threads: ThreadPoolExecutor) -> None:
    slow, quick = Held(), Held()
    quick.go.set()

    def load(model: ServedModel, most: int) -> Opened:
        return (slow if model is CANARY else quick)(model, most)

    models = Models(STABLE, CANARY, 0.1)
    service = open_service(models, workers=1, queue=7, batching=False, load=load)
    asked = [threads.submit(ask, service, value, CANARY) for value in range(4)]
    wait_waiting(service, 3)
    with pytest.raises(Busy):
        ask(service, 9, CANARY)
    assert ask(service, 1).scores[0] == 1001
    slow.go.set()
    assert sorted(int(each.result(30).scores[0]) for each in asked) == [2000, 2001, 2002, 2003]
    service.close()


@pytest.mark.parametrize(("workers", "queue"), [(0, 5), (1, -1)])
def test_there_must_be_somebody_to_answer(workers: int, queue: int) -> None:
    with pytest.raises(UsageProblem, match="1 worker or more"):
        open_service(ALONE, workers=workers, queue=queue)


@pytest.mark.parametrize("batching", [False, True])
def test_under_any_load_each_request_has_one_right_outcome(
    threads: ThreadPoolExecutor, batching: bool
) -> None:
    held = Held(seconds=0.0002)
    held.go.set()
    service = open_service(MODELS, workers=3, queue=20, batching=batching, load=held)

    patient_and_late = 0

    def client(seed: int) -> list[tuple[str, int]]:
        wild = random.Random(seed)  # noqa: S311 - nothing secret
        nonlocal patient_and_late
        outcomes = []
        for _ in range(40):
            value = wild.choice([BAD, *range(60)])
            model = wild.choice([STABLE, CANARY])
            seconds = wild.choice([0.0001, 0.001, 0.01, 30.0, 30.0])
            try:
                answer = ask(service, value, model, seconds)
                assert answer.scores[0] == 1000 * int(model.version) + value
                assert answer.model is model
                outcomes.append(("answered", value))
            except (Busy, Late, Failed) as refusal:
                outcomes.append((type(refusal).__name__, value))
                patient_and_late += isinstance(refusal, Late) and seconds > 1
        return outcomes

    outcomes = [each for one in threads.map(client, range(64)) for each in one]
    kinds = {kind for kind, _ in outcomes}
    assert kinds == {"answered", "Busy", "Late", "Failed"}
    assert {value for kind, value in outcomes if kind == "Failed"} == {BAD}
    assert ("answered", BAD) not in outcomes
    assert patient_and_late == 0
    assert service.taken == 0
    assert service.drain(0)
    service.close()
    assert all(runner.closed for runner in held.runners)
