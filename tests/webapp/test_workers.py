"""Workers and what they handle together, with models that do as they are told."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import pytest

from slimbench.webapp import micro_batch
from slimbench.webapp.inference import Serving, open_service
from slimbench.webapp.inference.runner import Opened
from slimbench.webapp.manifest import Models
from slimbench.webapp.spec import Answer, Failed, Late, ServedModel
from slimbench.webapp.workers import NICENESS, Workers
from tests.webapp.crew import Request, ask, at_work, send
from tests.webapp.runners import BAD, CANARY, MODELS, STABLE, Held

LONG = 60.0
"""Seconds that a model is said to take, so that a batch is not closed before it is full."""


@pytest.fixture
def held() -> Held:
    return Held()


@pytest.fixture
def entered(held: Held) -> Iterator[tuple[Serving, Workers]]:
    """A service in batches whose one worker is kept busy by 0, which `held.go` ends."""

    def load(model: ServedModel, most: int) -> Opened:
        return Opened(held(model, most).runner, LONG)

    service = open_service(MODELS, workers=1, queue=40, batching=True, load=load)
    with at_work(1) as workers:
        busy = send(workers, lambda: ask(service, 0))
        held.wait_entered()
        yield service, workers
        held.go.set()
        assert values([busy]) == [0]
    service.close()


def asked(
    entered: tuple[Serving, Workers], pictures: Sequence[int], model: ServedModel = STABLE
) -> list[Future[Answer]]:
    service, workers = entered

    def one(value: int) -> Future[Answer]:
        return send(workers, lambda: ask(service, value, model))

    return [one(value) for value in pictures]


def values(answers: Sequence[Future[Answer]]) -> list[int]:
    return [int(each.result(30).scores[0]) % 1000 for each in answers]


def test_a_batch_is_what_waits_and_no_more(entered: tuple[Serving, Workers], held: Held) -> None:
    answers = asked(entered, range(1, 13))
    held.go.set()
    assert values(answers) == list(range(1, 13))
    assert [sorted(batch) for batch in held.seen] == [[0], [*range(1, 9)], [*range(9, 13)]]
    assert [each.result().batch for each in answers] == [8] * 8 + [4] * 4


def test_only_the_bad_one_of_a_batch_fails(entered: tuple[Serving, Workers], held: Held) -> None:
    first, bad, last = asked(entered, [1, BAD, 2])
    held.go.set()
    assert values([first, last]) == [1, 2]
    with pytest.raises(Failed):
        bad.result(30)
    assert values(asked(entered, [9])) == [9]


def test_the_late_ones_of_a_batch_are_not_computed(
    entered: tuple[Serving, Workers], held: Held
) -> None:
    service, workers = entered
    late = send(workers, lambda: ask(service, 50, seconds=-1))
    answers = asked(entered, [1, 2])
    held.go.set()
    assert values(answers) == [1, 2]
    with pytest.raises(Late):
        late.result(30)
    assert held.pictures == [0, 1, 2]


def test_each_model_answers_its_own_of_those_handled_together(
    entered: tuple[Serving, Workers], held: Held
) -> None:
    mixed = [
        answer
        for value in range(1, 5)
        for answer in asked(entered, [value], (STABLE, CANARY)[value % 2])
    ]
    held.go.set()
    assert [int(each.result(30).scores[0]) for each in mixed] == [2001, 1002, 2003, 1004]
    assert held.seen == [[0], [1, 3], [2, 4]]


def test_an_idle_worker_is_better_than_a_place_in_a_batch() -> None:
    held = Held()
    held.go.set()
    service = open_service(
        Models(STABLE),
        workers=2,
        queue=8,
        batching=True,
        load=lambda model, most: Opened(held(model, most).runner, LONG),
    )
    with at_work(2) as workers:

        def bring_another() -> Answer:
            seconds.append(send(workers, lambda: ask(service, 2)))
            return ask(service, 1)

        for _ in range(50):
            wait_idle(workers, 2)
            seconds: list[Future[Answer]] = []
            assert send(workers, bring_another).result(30).batch == 1
            assert seconds[0].result(30).batch == 1
    service.close()


def wait_idle(workers: Workers, count: int) -> None:
    end = time.monotonic() + 30
    while workers.idle != count:
        assert time.monotonic() < end
        time.sleep(0.001)


def test_what_waits_is_known_and_can_be_taken_back(
    entered: tuple[Serving, Workers], held: Held
) -> None:
    service, workers = entered
    assert workers.waits_since() is None
    waiting = [Request(lambda: ask(service, 1)) for _ in range(3)]
    for arrived, request in enumerate(waiting):
        request.arrived = arrived
        workers.add_task(request)
    assert workers.waits_since() == 0
    assert workers.taken_back(1) == waiting[:2]
    assert workers.waits_since() == 2
    held.go.set()
    assert values([waiting[2].came]) == [1]
    assert not waiting[0].came.done()


def test_what_still_waits_at_the_end_is_cancelled() -> None:
    workers = Workers(1)
    begun, goes_on = threading.Event(), threading.Event()

    def hold() -> Any:
        begun.set()
        assert goes_on.wait(30)

    send(workers, hold)
    assert begun.wait(30)
    waiting = send(workers, hold)
    ending = threading.Thread(target=workers.shutdown, args=(30,))
    ending.start()
    end = time.monotonic() + 30
    while not waiting.cancelled():
        assert time.monotonic() < end
        time.sleep(0.001)
    goes_on.set()
    ending.join(30)
    assert not ending.is_alive()


@pytest.mark.skipif(sys.platform != "linux", reason="threads have no niceness of their own")
def test_a_worker_gives_way_to_the_thread_that_takes_requests_in() -> None:
    def niceness() -> Any:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    with at_work(1) as workers:
        assert send(workers, niceness).result(30) == min(19, niceness() + NICENESS)


# Together


@dataclass(eq=False)
class Model:
    """Doubles numbers."""

    most: int = 8
    seconds: float = 1.0
    batches: list[list[int]] = field(default_factory=list)

    def run(self, jobs: Sequence[list[int]]) -> None:
        self.batches.append([job[0] for job in jobs])
        for job in jobs:
            job[0] *= 2


def together_with(model: Model, count: int) -> list[int]:
    """Handle so many numbers together, from 1; returns what became of them."""
    found: list[int] = []

    def doubled(number: int) -> Callable[[], None]:
        def task() -> None:
            job = [number]
            assert micro_batch.answered(model, job)
            found.append(job[0])

        return task

    tasks = map(doubled, range(1, count + 1))
    micro_batch.handle(next(tasks), lambda: next(tasks, None), lambda: 0.0)
    return found


def test_alone_in_its_thread_a_request_is_told_so() -> None:
    assert not micro_batch.answered(Model(), [1])


def test_those_who_wait_are_answered_together() -> None:
    model = Model()
    assert together_with(model, 3) == [2, 4, 6]
    assert model.batches == [[1, 2, 3]]


def test_a_full_batch_takes_no_more() -> None:
    model = Model(most=2)
    assert together_with(model, 5) == [2, 4]
    assert Model(most=1).most == 1
    assert together_with(Model(most=1), 5) == [2]


def test_nobody_waits_for_others_longer_than_for_the_model() -> None:
    now = [0.0]

    def handled(decoding: float) -> int:
        """Return how many of five are in one batch, each of which takes 2 s in the model."""
        model = Model(seconds=2.0)

        def task() -> None:
            now[0] += decoding
            assert micro_batch.answered(model, [1])

        tasks = iter([task] * 4)
        micro_batch.handle(task, lambda: next(tasks, None), lambda: now[0])
        return len(model.batches[0])

    assert handled(1.5) == 5
    assert handled(3.0) == 3  # the first has waited 6 s for two others, as long as for the model
    assert handled(100.0) == 2


def test_one_that_needs_no_model_ends_it_and_others_need_it_twice() -> None:
    model = Model()
    found: list[int] = []

    def twice() -> None:
        job = [1]
        assert micro_batch.answered(model, job)
        assert micro_batch.answered(model, job)
        found.append(job[0])

    micro_batch.handle(lambda: found.append(0), lambda: twice)
    assert found == [0]
    tasks = iter([twice])
    micro_batch.handle(twice, lambda: next(tasks, None))
    assert found == [0, 4, 4]
    assert model.batches == [[1, 1], [2, 2]]


def test_one_that_raises_harms_no_other(caplog: pytest.LogCaptureFixture) -> None:
    model = Model()
    found: list[int] = []

    def well() -> None:
        job = [1]
        assert micro_batch.answered(model, job)
        found.append(job[0])

    def ill() -> None:
        assert micro_batch.answered(model, [2])
        raise SystemExit

    tasks = iter([ill, well])
    micro_batch.handle(well, lambda: next(tasks, None))
    assert found == [2, 2]
    assert "SystemExit" in caplog.text


def test_a_model_that_raises_leaves_its_requests_to_themselves(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Broken(Model):
        def run(self, _: Sequence[list[int]]) -> None:
            raise SystemExit

    model, well = Broken(), Model()
    found: list[int] = []

    def task(of: Model) -> Callable[[], None]:
        def one() -> None:
            job = [1]
            assert micro_batch.answered(of, job)
            found.append(job[0])

        return one

    tasks = iter([task(well), task(model)])
    micro_batch.handle(task(model), lambda: next(tasks, None), lambda: 0.0)
    assert found == [1, 1, 2]
    assert "SystemExit" in caplog.text


def test_who_is_answered_goes_on_before_another_model_runs() -> None:
    order: list[str] = []

    class Noted(Model):
        def run(self, _: Sequence[list[int]]) -> None:
            order.append("run")

    def task(of: Model) -> Callable[[], None]:
        def one() -> None:
            assert micro_batch.answered(of, [1])
            order.append("answered")

        return one

    tasks = iter([task(Noted())])
    micro_batch.handle(task(Noted()), lambda: next(tasks, None), lambda: 0.0)
    assert order == ["run", "answered"] * 2


def test_each_has_its_own_context() -> None:
    mine: ContextVar[int] = ContextVar("mine", default=0)
    model = Model()
    found: list[int] = []

    def task(number: int) -> Callable[[], None]:
        def one() -> None:
            assert mine.get() == 0
            mine.set(number)
            assert micro_batch.answered(model, [number])
            found.append(mine.get())

        return one

    tasks = iter([task(2), task(3)])
    micro_batch.handle(task(1), lambda: next(tasks, None))
    assert found == [1, 2, 3]
    assert mine.get() == 0
