"""A model in the hands of one request: the benchmark's engine, asked for one picture at a time."""

from __future__ import annotations

import contextlib
import logging
import math
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from slimbench.engines.litert import LiteRT
from slimbench.spec import Pixels, Session
from slimbench.webapp.inference.batch import NotBatchable, open_batch, pictures_compared
from slimbench.webapp.measured import THREADS
from slimbench.webapp.spec import Scores, ServedModel

PAYS = 0.8
"""A batch pays where a picture in it takes at most so much of what it takes alone."""

QUICK_SECONDS = 0.0002
"""A picture that takes less alone has nothing to gain: the rest of its request takes five times as
long, and more where it waits for others."""

TURNS = 3

TRIAL_SECONDS = 0.3
"""How long it may take to find out whether batches pay, since nothing is served meanwhile."""

log = logging.getLogger(__name__)


class Runner(Protocol):
    """Answers pictures; used by one thread at a time."""

    most: int
    """How many pictures it takes at once."""

    def run(self, images: Sequence[Pixels]) -> tuple[list[Scores], float]:
        """Return each one's scores, and the seconds that the model took for all of them."""
        ...

    def close(self) -> None:
        """Free the model."""
        ...


@dataclass(frozen=True, slots=True)
class Opened:
    """A warmed-up runner, the seconds that it takes for a picture, and why it does not batch."""

    runner: Runner
    seconds: float
    unbatched: str | None = None


class Single:
    """Answers one picture after the other, by the very session that the benchmark times."""

    most = 1

    def __init__(self, session: Session) -> None:
        self._session = session

    def run(self, images: Sequence[Pixels]) -> tuple[list[Scores], float]:
        """Return the scores and the seconds that `invoke` took, as `latency_ms` is timed."""
        session, scores, seconds = self._session, [], 0.0
        for image in images:
            session.feed(image)
            begun = time.perf_counter()
            session.invoke()
            seconds += time.perf_counter() - begun
            scores.append(session.scores())
        return scores, seconds

    def close(self) -> None:
        """Free the model."""
        self._session.close()


def open_runner(model: ServedModel, most: int = 1) -> Opened:
    """Load a model and run it, so that the first request does not pay for that.

    With `most` over 1 the runner takes so many pictures at once, where that gives the same
    answers; where it does not, it takes one, and `unbatched` says why.

    Raises:
        ValueError, RuntimeError: The runtime cannot take the file, or raises when it is run.
    """
    single = Single(_session(model))
    blank: Pixels = np.zeros(model.input_shape, np.uint8)
    single.run([blank])
    _, seconds = single.run([blank])
    if most == 1:
        return Opened(single, seconds)
    try:
        batch = open_batch(model, most, single)
    except NotBatchable as reason:
        log.warning("%s %s answers pictures singly: %s", model.name, model.version, reason)
        return Opened(single, seconds, str(reason))
    single.close()
    return Opened(batch, seconds)


def _session(model: ServedModel) -> Session:
    engine = LiteRT()
    engine.options = model.entry.get("runtime_options", {})
    return engine.load(model.file, THREADS, model.pixels)


def batching_pays(model: ServedModel, most: int) -> bool:
    """Tell whether a picture takes clearly less time in batches of `most`, on this machine.

    The median of the ratios of some turns, each a batch and then its pictures alone. A network
    that fills a core with one picture gains nothing, and one whose batch leaves the cache loses.
    One that takes too long to try is such a network most often, and is answered without.
    """
    name = f"{model.name} {model.version}"
    opened = open_runner(model)
    single = opened.runner
    with contextlib.closing(single):
        if opened.seconds < QUICK_SECONDS:
            log.info("%s: a picture takes too little time for batches to matter", name)
            return False
        expected = opened.seconds * (pictures_compared(most) + 2 * most)
        if expected > TRIAL_SECONDS:
            log.info("%s: a picture takes too long to try whether batches pay", name)
            return False
        begun = time.perf_counter()
        try:
            batch = open_batch(model, most, single)
        except NotBatchable as reason:
            log.info("%s: no batches, since %s", name, reason)
            return False
        with contextlib.closing(batch):
            images = [np.zeros(model.input_shape, np.uint8)] * most
            ratios: list[float] = []
            while len(ratios) < TURNS and time.perf_counter() - begun < TRIAL_SECONDS:
                ratios.append(batch.run(images)[1] / single.run(images)[1])
    ratio = statistics.median(ratios or [math.inf])
    log.info("%s: a picture in a batch of %d takes %.2f times as long as alone", name, most, ratio)
    return ratio <= PAYS
