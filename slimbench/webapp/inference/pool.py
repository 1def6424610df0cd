"""One model's interpreters, each lent to one thread at a time.

A thread runs the model itself. Threads of the pool's own, to which pictures are handed over, were
tried: with a model of 20 microseconds an answer took 63 to 134 instead of 34 to 37, since a
hand-over waits for Python's interpreter lock twice more. A thread that handles several requests
runs it once for all of them. Where there are more threads than interpreters, as behind a server
that has one for each request, they wait for an idle one.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait

from slimbench.spec import Pixels
from slimbench.webapp import micro_batch
from slimbench.webapp.inference.runner import Opened, Runner
from slimbench.webapp.spec import Answer, Draining, Failed, Late, ServedModel

_SMOOTHING = 0.1
"""The weight of the newest batch in the mean of what a picture takes."""

END_SECONDS = 10.0
"""How long closing waits for requests; what the runtime keeps longer is left to the process."""


class Job:
    """A picture that is to be answered."""

    __slots__ = ("deadline", "outcome", "pixels", "submitted")

    def __init__(self, pixels: Pixels, deadline: float) -> None:
        self.pixels = pixels
        self.deadline = deadline
        self.submitted = time.monotonic()
        self.outcome: Answer | Exception | None = None
        """None where it was late."""


class Pool:
    """A model with its interpreters."""

    def __init__(self, model: ServedModel) -> None:
        self.model = model
        self.seconds = 0.0
        """A smoothed mean of what a picture takes in the model."""
        self.unbatched: str | None = None
        """Why pictures are answered singly although batches were asked for."""
        self.most = 1
        """How many pictures an interpreter takes at once."""
        self.waiting = 0
        """How many threads wait for an interpreter now."""
        self._inside = 0
        self._closed = False
        self._idle: list[Runner] = []
        self._lock = threading.Lock()
        self._became_idle = threading.Condition(self._lock)
        self._left = threading.Condition(self._lock)
        """The last one inside left a closed pool."""

    def open(self, workers: int, load: Callable[[], Opened]) -> None:
        """Load the model so many times, side by side.

        Raises whatever `load` raises; then none is left loaded.
        """
        with ThreadPoolExecutor(workers) as executor:
            loading = [executor.submit(load) for _ in range(workers)]
            wait(loading)
        if any(each.exception() for each in loading):
            for each in loading:
                if not each.exception():
                    each.result().runner.close()
        opened = [each.result() for each in loading]
        self.seconds = max(each.seconds for each in opened)
        self.unbatched = next((each.unbatched for each in opened if each.unbatched), None)
        self.most = min(each.runner.most for each in opened)
        self._idle = [each.runner for each in opened]

    def answer(self, pixels: Pixels, deadline: float) -> Answer:
        """Return the model's answer.

        Raises:
            Late: The deadline, of `time.monotonic`, passed before there was an answer.
            Failed: The runtime raised.
            Draining: The model is closed.
        """
        job = Job(pixels, deadline)
        with self._lock:
            if self._closed:
                raise Draining("The server is going down.")
            self._inside += 1
        try:
            if not micro_batch.answered(self, job):
                self.run([job])
        finally:
            self._leave()
        outcome = job.outcome
        if isinstance(outcome, Exception):
            raise Failed("The model failed on this picture.") from outcome
        if outcome is None or time.monotonic() >= deadline:
            raise Late("The deadline passed before there was an answer.")
        return outcome

    def close(self) -> None:
        """Take nothing new, let those inside be answered, and free the interpreters."""
        with self._lock:
            self._closed = True
            self._left.wait_for(lambda: not self._inside, END_SECONDS)
            idle, self._idle = self._idle, []
        for runner in idle:
            runner.close()

    def _leave(self) -> None:
        with self._lock:
            self._inside -= 1
            if self._closed and not self._inside:
                self._left.notify_all()

    def run(self, jobs: Sequence[Job]) -> None:
        """Give jobs their outcomes, all in one batch; no more than `most`, and never raises."""
        runner = self._borrow(max(job.deadline for job in jobs))
        if runner is None:
            return
        try:
            self._answer(runner, jobs)
        finally:
            with self._lock:
                self._idle.append(runner)
                self._became_idle.notify()

    def _borrow(self, deadline: float) -> Runner | None:
        """Return an idle interpreter; None where there was none before the deadline."""
        with self._lock:
            if not self._idle:
                self.waiting += 1
                seconds = min(max(deadline - time.monotonic(), 0), threading.TIMEOUT_MAX)
                self._became_idle.wait_for(lambda: self._idle, seconds)
                self.waiting -= 1
            return self._idle.pop() if self._idle else None

    def _answer(self, runner: Runner, jobs: Sequence[Job]) -> None:
        """Give each job its outcome, of those whose deadline passed none; never raises."""
        taken = time.monotonic()
        live = [job for job in jobs if taken < job.deadline]
        if not live:
            return
        try:
            self._run(runner, live, taken)
        except Exception as error:  # noqa: BLE001 - whatever it is, it costs this request only
            if len(live) == 1:
                live[0].outcome = error
            else:  # one of them was to blame, and only that one fails
                for job in live:
                    self._answer(runner, (job,))

    def _run(self, runner: Runner, jobs: Sequence[Job], taken: float) -> None:
        scores, seconds = runner.run([job.pixels for job in jobs])
        self.seconds += _SMOOTHING * (seconds / len(jobs) - self.seconds)
        for job, row in zip(jobs, scores, strict=True):
            job.outcome = Answer(
                model=self.model,
                scores=row,
                waited_ms=(taken - job.submitted) * 1000,
                inference_ms=seconds * 1000,
                batch=len(jobs),
            )
