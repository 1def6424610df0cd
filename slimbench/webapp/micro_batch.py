"""Requests that one thread handles together, so that the model answers them in one batch.

Each request runs until it needs its model and waits there; when no more are to be had, the model
answers all that wait, and each runs on to its end. With a thread for each request in place of this,
whoever waited had to be woken and to get Python's interpreter lock back, two dozen times a request,
which took longer than a small model. A request is a greenlet: it keeps its place in the code, and
its context variables, while others run.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from greenlet import getcurrent, greenlet

log = logging.getLogger(__name__)

Task = Callable[[], None]


class Batching(Protocol):
    """A model that answers several at once."""

    most: int
    """How many."""
    seconds: float
    """What one takes, about."""

    def run(self, jobs: Sequence[Any]) -> None:
        """Give each job its outcome; never raises."""
        ...


class _Request(greenlet):
    """A request among others of its thread."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    request: _Request
    model: Batching
    job: Any


def answered(model: Batching, job: object) -> bool:
    """Wait until a model has answered a job, with those of the others that this thread handles.

    False where it handles no others: then nothing was done.
    """
    request = getcurrent()
    if not isinstance(request, _Request) or request.parent is None:
        return False
    request.parent.switch(model, job)
    return True


def handle(
    first: Task, another: Callable[[], Task | None], clock: Callable[[], float] = time.monotonic
) -> None:
    """Handle a request, and others with it; never raises.

    Another joins as long as there is one, no batch is full, and the others have not taken longer
    than the model is going to take for those that wait.

    Args:
        first: handles a request from start to end.
        another: returns what does so with one that waits, if there is one.
        clock: seconds.
    """
    waiting = _started(first)
    begun = clock()
    while waiting and _has_room(waiting, clock() - begun) and (task := another()) is not None:
        waiting += _started(task)
    while waiting:
        model = waiting[0].model
        batch = [each for each in waiting if each.model is model]
        waiting = [each for each in waiting if each.model is not model]
        try:
            model.run([each.job for each in batch])
        except BaseException:
            log.exception("A model ended a batch")  # whose requests find no outcome
        for each in batch:
            waiting += _gone_on(each.request)


def _started(task: Task) -> list[_Waiting]:
    return _gone_on(_Request(task))


def _gone_on(request: _Request) -> list[_Waiting]:
    """Let a request run; returns what it waits for, and nothing if it has come to its end."""
    try:
        waits_for = request.switch()
    except BaseException:  # not even one that ends a thread may take the others with it
        log.exception("A request ended with what is not its own to handle")
        return []
    return [] if request.dead else [_Waiting(request, *waits_for)]


def _has_room(waiting: Sequence[_Waiting], seconds: float) -> bool:
    models = [each.model for each in waiting]
    is_full = any(models.count(model) >= model.most for model in models)
    return not is_full and seconds < sum(model.seconds for model in models)
