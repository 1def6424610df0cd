"""One model's interpreters, each lent to one request at a time.

A request runs the model in its own thread. Threads of the pool's own, to which pictures are
handed over, were tried: with a model of 20 microseconds an answer took 63 to 134 instead of 34 to
37, since a hand-over waits for Python's interpreter lock twice more.

Whoever has an interpreter may answer others that wait together with its own picture. All that is
shared changes under one lock, and whoever waits looks again at what it waits for whenever that
changed, so that no wake-up can be lost. Who comes just as an interpreter is idle may pass those
that wait, as with any lock that is fast.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait

from bench.spec import Pixels
from webapp.inference.runner import Opened, Runner
from webapp.spec import Answer, Busy, Draining, Failed, Late, ServedModel

_SMOOTHING = 0.1
"""The weight of the newest batch in the mean of what a picture takes."""

END_SECONDS = 10.0
"""How long closing waits for requests; what the runtime keeps longer is left to the process."""


class Job:
    """A picture that is to be answered."""

    __slots__ = ("deadline", "done", "outcome", "pixels", "submitted", "taken")

    def __init__(self, pixels: Pixels, deadline: float) -> None:
        self.pixels = pixels
        self.deadline = deadline
        self.submitted = time.monotonic()
        self.taken = False
        """Whether another request answers it, with its own."""
        self.done = False
        """Whether that one has."""
        self.outcome: Answer | Exception | None = None
        """None where it was late."""


class Pool:
    """A model with its interpreters."""

    def __init__(self, model: ServedModel, limit: int) -> None:
        """Take at most `limit` pictures at once, those that wait among them."""
        self.model = model
        self.limit = limit
        self.seconds = 0.0
        """A smoothed mean of what a picture takes in the model."""
        self.unbatched: str | None = None
        """Why pictures are answered singly although batches were asked for."""
        self._most = 1
        self._inside = 0
        self._closed = False
        self._idle: list[Runner] = []
        self._waiting: deque[Job] = deque()
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        """An interpreter became idle, or jobs that others took are done."""
        self._left = threading.Condition(self._lock)
        """The last one inside left a closed pool."""

    @property
    def waiting(self) -> int:
        """How many pictures wait for an interpreter now."""
        return len(self._waiting)

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
        self._most = min(each.runner.most for each in opened)
        self._idle = [each.runner for each in opened]

    def answer(self, pixels: Pixels, deadline: float) -> Answer:
        """Return the model's answer.

        Raises:
            Busy: As many pictures as may be are inside.
            Late: The deadline, of `time.monotonic`, passed before there was an answer.
            Failed: The runtime raised.
            Draining: The model is closed.
        """
        job = Job(pixels, deadline)
        with self._lock:
            if self._closed:
                raise Draining("The server is going down.")
            if self._inside >= self.limit:
                raise Busy(1)
            self._inside += 1
            runner = self._idle.pop() if self._idle else None
        try:
            if runner is None:
                runner = self._wait(job)
            if runner is not None:
                self._lead(job, runner)
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

    def _wait(self, job: Job) -> Runner | None:
        """Return a runner for a job; None where another answered it, or it is late."""
        seconds = job.deadline - time.monotonic()
        with self._lock:
            self._waiting.append(job)
            self._changed.wait_for(
                lambda: job.done or (self._idle and not job.taken),
                min(max(seconds, 0), threading.TIMEOUT_MAX),
            )
            if job.taken:
                return None
            self._waiting.remove(job)
            return self._idle.pop() if self._idle else None

    def _lead(self, job: Job, runner: Runner) -> None:
        """Answer a job, and those that wait with it as far as the runner takes them."""
        others: list[Job] = []
        try:
            if self._most > 1:
                with self._lock:
                    while self._waiting and len(others) < self._most - 1:
                        others.append(self._waiting.popleft())
                        others[-1].taken = True
            self._answer(runner, [job, *others])
        finally:
            with self._lock:
                self._idle.append(runner)
                for other in others:
                    other.done = True
                if self._most > 1:
                    self._changed.notify_all()
                else:  # whoever waits, waits for a runner
                    self._changed.notify()

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
