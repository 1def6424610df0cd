"""Pictures that wait and are answered together, with models that do as they are told."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from slimbench.webapp.inference import Serving, open_service
from slimbench.webapp.inference.pool import Job, Pool
from slimbench.webapp.spec import Answer, Failed, Late, ServedModel
from tests.webapp.crew import ask
from tests.webapp.runners import BAD, CANARY, MODELS, STABLE, Held


@pytest.fixture
def held() -> Held:
    return Held()


class Busy:
    """A service in batches whose one interpreter is kept busy by 0, which `held.go` ends."""

    def __init__(self, service: Serving, threads: ThreadPoolExecutor, held: Held) -> None:
        self.service = service
        self._threads = threads
        self.first = threads.submit(ask, service, 0)
        held.wait_entered()

    def start(
        self, value: int, model: ServedModel = STABLE, seconds: float = 60.0
    ) -> Future[Answer]:
        return self._threads.submit(ask, self.service, value, model, seconds)

    def ask(
        self, pictures: Sequence[int], model: ServedModel = STABLE, seconds: float = 60.0
    ) -> list[Future[Answer]]:
        """Have these wait, in this order."""
        asked = []
        for value in pictures:
            before = self.service.waiting
            asked.append(self.start(value, model, seconds))
            end = time.monotonic() + 30
            while self.service.waiting == before and not asked[-1].done():
                assert time.monotonic() < end
                time.sleep(0.001)
        return asked


@pytest.fixture
def busy(held: Held) -> Iterator[Busy]:
    service = open_service(MODELS, workers=1, queue=40, batching=True, load=held)
    with ThreadPoolExecutor(40) as threads:
        busy = Busy(service, threads, held)
        yield busy
        held.go.set()
        assert values([busy.first]) == [0]
    service.close()


def values(answers: Sequence[Future[Answer]]) -> list[int]:
    return [int(each.result(30).scores[0]) % 1000 for each in answers]


def test_a_batch_is_what_waits_and_no_more(busy: Busy, held: Held) -> None:
    answers = busy.ask(range(1, 13))
    held.go.set()
    assert values(answers) == list(range(1, 13))
    assert held.seen == [[0], [*range(1, 9)], [*range(9, 13)]]
    assert [each.result().batch for each in answers] == [8] * 8 + [4] * 4


def test_a_picture_that_was_answered_before_its_thread_could_look_is_not_kept_waiting(
    busy: Busy, held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_next = Pool._run_next  # noqa: SLF001 - a moment between two locks cannot be hit otherwise

    def when_it_is_over(pool: Pool, job: Job) -> bool:
        while int(job.pixels.flat[0]) == 2 and not job.is_over:
            time.sleep(0.001)
        return run_next(pool, job)

    monkeypatch.setattr(Pool, "_run_next", when_it_is_over)
    answers = busy.ask([1, 2])
    held.go.set()
    assert values(answers) == [1, 2]


def test_a_batch_is_as_large_as_was_asked_for(held: Held) -> None:
    service = open_service(MODELS, workers=1, queue=40, batching=True, batch=3, load=held)
    assert service.at_once(STABLE) == 3
    with ThreadPoolExecutor(40) as threads:
        busy = Busy(service, threads, held)
        answers = busy.ask(range(1, 6))
        held.go.set()
        assert values(answers) == [1, 2, 3, 4, 5]
    assert held.seen == [[0], [1, 2, 3], [4, 5]]
    service.close()


def test_only_the_bad_one_of_a_batch_fails(busy: Busy, held: Held) -> None:
    first, bad, last = busy.ask([1, BAD, 2])
    held.go.set()
    assert values([first, last]) == [1, 2]
    with pytest.raises(Failed):
        bad.result(30)
    assert values(busy.ask([9])) == [9]


def test_the_late_ones_of_a_batch_are_not_computed(busy: Busy, held: Held) -> None:
    first = busy.ask([1])
    (late,) = busy.ask([50], seconds=0.2)
    last = busy.ask([2])
    with pytest.raises(Late):
        late.result(30)
    held.go.set()
    assert values(first + last) == [1, 2]
    assert held.pictures == [0, 1, 2]


def test_each_model_answers_its_own(busy: Busy, held: Held) -> None:
    canary = busy.start(1, CANARY)
    held.wait_entered()
    mixed = busy.ask([2]) + busy.ask([3], CANARY) + busy.ask([4]) + busy.ask([5], CANARY)
    held.go.set()
    assert [int(each.result(30).scores[0]) for each in mixed] == [1002, 2003, 1004, 2005]
    assert values([canary]) == [1]
    assert sorted(map(sorted, held.seen)) == [[0], [1], [2, 4], [3, 5]]


def test_an_idle_interpreter_is_better_than_a_place_in_a_batch(held: Held) -> None:
    service = open_service(MODELS, workers=2, queue=8, batching=True, load=held)
    with ThreadPoolExecutor(2) as threads:
        answers = [threads.submit(ask, service, value) for value in (1, 2)]
        held.wait_entered(2)
        held.go.set()
        assert [each.result(30).batch for each in answers] == [1, 1]
    service.close()
