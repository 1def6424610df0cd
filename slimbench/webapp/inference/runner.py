"""A model in the hands of one thread: the benchmark's engine, asked for one picture or a batch.

Files have a batch of 1; most can be resized, and some (a reshape to a fixed size in them) cannot
or, worse, could give other answers. So a batch is compared with single answers before it is used.
"""

from __future__ import annotations

import contextlib
import logging
import math
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from slimbench.engines.interpreter import OP_RESOLVER, InterpreterSession
from slimbench.engines.litert import LiteRT
from slimbench.spec import PixelMode, Pixels, Session
from slimbench.webapp.measured import THREADS
from slimbench.webapp.spec import Scores, ServedModel

TOLERANCE = 1e-6
"""By how much a score in a batch may differ from the one that a picture gets alone."""


class NotBatchable(Exception):
    """A model cannot answer several pictures at once; the message says why."""


class Batch(InterpreterSession):
    """An interpreter whose input is resized to as many pictures as there are.

    It is resized only where the number changes, which takes less than a millisecond.
    """

    def __init__(self, interpreter: Any, pixels: PixelMode, most: int) -> None:
        super().__init__(interpreter, pixels)
        self.most = most
        self._size = 1

    def run(self, images: Sequence[Pixels]) -> tuple[list[Scores], float]:
        """Return each one's scores, and the seconds that `invoke` took for all of them."""
        encoded = np.concatenate([self._encode(image) for image in images])
        interpreter = self._opened()
        self._resize(interpreter, len(images))
        interpreter.set_tensor(self._input, encoded)
        begun = time.perf_counter()
        self.invoke()
        seconds = time.perf_counter() - begun
        raw = interpreter.get_tensor(self._output).reshape(len(images), -1)
        quantization = self._output_quantization
        rows = raw if quantization is None else quantization.dequantize(raw)
        return [*rows], seconds

    def _resize(self, interpreter: Any, size: int) -> None:
        if size == self._size:
            return
        self._size = 0  # nothing is allocated while this may fail
        interpreter.resize_tensor_input(self._input, (size, *self.input_shape[1:]))
        interpreter.allocate_tensors()
        self._size = size


def open_batch(model: ServedModel, most: int, single: Runner) -> Batch:
    """Return a runner that takes up to `most` pictures, warmed up and compared with `single`.

    Raises:
        NotBatchable: The file cannot be resized, or a batch does not answer as `single` does.
    """
    options = model.entry.get("runtime_options", {})
    resolver = (
        {"experimental_op_resolver_type": OpResolverType[options[OP_RESOLVER]]} if options else {}
    )
    interpreter = Interpreter(model_path=str(model.file), num_threads=THREADS, **resolver)
    random = np.random.default_rng(0)
    images = [*random.integers(0, 256, (most, *model.input_shape), np.uint8)]
    expected, _ = single.run(images)
    try:
        interpreter.allocate_tensors()
        batch = Batch(interpreter, model.pixels, most)
        for size in _compared(most):
            found, _ = batch.run(images[:size])
            _compare(found, expected[:size])
    except (ValueError, RuntimeError) as error:
        raise NotBatchable(f"its input cannot be resized ({' '.join(str(error).split())})") from (
            error
        )
    return batch


def pictures_compared(most: int) -> int:
    """Return how many pictures the model answers before a batch of `most` is used."""
    return most + sum(_compared(most))


def _compared(most: int) -> list[int]:
    """Return the sizes that are tried, which end with the one that the first picture needs."""
    return sorted({1, 2, most}, reverse=True)


def _compare(found: Sequence[Scores], expected: Sequence[Scores]) -> None:
    for one, alone in zip(found, expected, strict=True):
        same_order = np.array_equal(
            np.argsort(one, kind="stable"), np.argsort(alone, kind="stable")
        )
        if not same_order or not np.allclose(one, alone, rtol=0, atol=TOLERANCE):
            raise NotBatchable("a batch gives other scores than a picture alone")


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
