"""One model's interpreters, and the pictures that wait for one.

The thread that wants an answer runs the model itself, once an interpreter is idle, and takes with
it the others that wait, as many as a batch has. Threads of the pool's own, to which pictures are
handed over, were tried: with a model of 20 microseconds an answer took 63 to 134 instead of 34 to
37, since a hand-over waits for Python's interpreter lock twice more.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait

from slimbench.spec import Pixels
from slimbench.webapp.inference.runner import Opened, Runner
from slimbench.webapp.spec import Answer, Draining, Failed, Late, ServedModel

_SMOOTHING = 0.1
"""The weight of the newest batch in the mean of what a picture takes."""

HOLD_PICTURES, HOLD_SECONDS = 2.0, 0.02
"""How long the first picture that waits is held for a batch to fill: twice what a picture takes in
the model, but no longer than this. Clients that were answered together ask again one after the
other, so that batches taken at once had 3 pictures of 8 clients in place of 4 and ResNet50 answered
a fifth fewer."""

_FORGETTING = 0.98

END_SECONDS = 10.0
"""How long closing waits for requests; what the runtime keeps longer is left to the process."""


class Job:
    """A picture that is to be answered."""

    __slots__ = ("deadline", "is_over", "outcome", "pixels", "submitted")

    def __init__(self, pixels: Pixels, deadline: float) -> None:
        self.pixels = pixels
        self.deadline = deadline
        self.submitted = time.monotonic()
        self.is_over = False
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
        self._inside = 0
        self._usually_inside = 0.0
        """The most pictures that were inside at once, of which each new one forgets a little."""
        self._workers = 1
        self._closed = False
        self._idle: list[Runner] = []
        self._waiting: deque[Job] = deque()
        self._changed = threading.Condition()
        """A batch was answered, so that its interpreter is idle, or the last one inside left."""

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
        self.most = min(each.runner.most for each in opened)
        self._idle = [each.runner for each in opened]
        self._workers = workers

    def answer(self, pixels: Pixels, deadline: float) -> Answer:
        """Return the model's answer.

        Raises:
            Late: The deadline, of `time.monotonic`, passed before there was an answer.
            Failed: The runtime raised.
            Draining: The model is closed.
        """
        job = Job(pixels, deadline)
        with self._changed:
            if self._closed:
                raise Draining("The server is going down.")
            self._inside += 1
            self._usually_inside = max(self._usually_inside * _FORGETTING, self._inside)
            self._waiting.append(job)
        try:
            while not job.is_over and self._run_next(job):
                pass
        finally:
            self._leave(job)
        outcome = job.outcome
        if isinstance(outcome, Exception):
            raise Failed("The model failed on this picture.") from outcome
        if outcome is None or time.monotonic() >= deadline:
            raise Late("The deadline passed before there was an answer.")
        return outcome

    def close(self) -> None:
        """Take nothing new, let those inside be answered, and free the interpreters."""
        with self._changed:
            self._closed = True
            self._changed.wait_for(lambda: not self._inside, END_SECONDS)
            idle, self._idle = self._idle, []
        for runner in idle:
            runner.close()

    def _run_next(self, job: Job) -> bool:
        """Run the batch that is next, if there is an idle interpreter for it in time.

        False if `job` was answered meanwhile, or its deadline passed.
        """
        with self._changed:
            while not job.is_over and (seconds := self._seconds_until_due(job)) > 0:
                self._changed.wait(min(seconds, threading.TIMEOUT_MAX))
            if job.is_over or not self._idle or not self._waiting:
                return False
            runner = self._idle.pop()
            count = min(self.most, len(self._waiting))
            batch = [self._waiting.popleft() for _ in range(count)]
        try:
            self._answer(runner, batch)
        finally:
            with self._changed:
                for each in batch:
                    each.is_over = True
                self._idle.append(runner)
                self._changed.notify_all()
        return True

    def _seconds_until_due(self, job: Job) -> float:
        """Return how long the thread of a job waits, at most, before it runs what is waiting.

        A batch is due when it is as large as its interpreter's share of the pictures that are
        usually inside at once, or when the first that waits has been held for it long enough.
        """
        now = time.monotonic()
        if not self._idle or not self._waiting:
            return job.deadline - now
        if len(self._waiting) >= min(self.most, math.ceil(self._usually_inside / self._workers)):
            return 0.0
        first = self._waiting[0]
        if first is not job:
            return job.deadline - now
        held = min(HOLD_PICTURES * self.seconds, HOLD_SECONDS)
        return min(first.submitted + held, job.deadline) - now

    def _leave(self, job: Job) -> None:
        with self._changed:
            self._inside -= 1
            if not job.is_over and job in self._waiting:
                self._waiting.remove(job)
            if self._closed and not self._inside:
                self._changed.notify_all()

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
