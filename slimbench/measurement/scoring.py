"""Scoring a model on many images, on as many cores as there are.

Interpreters are not safe to share between threads, but let other threads run while they compute,
so each worker is a thread with a session of its own.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from slimbench.cores import cores
from slimbench.history.flags import Flags
from slimbench.spec import Labels, Pixels, Session

__all__ = ["Scored", "cores", "score"]

CHUNK = 8
"""Images that a worker takes at a time: few, so that all workers end together."""

SECONDS_EACH = 0.5
"""Work that another worker must find: under that, loading its session costs more than it gains."""


@dataclass(frozen=True, slots=True)
class Scored:
    """What a model answered, in the order of the images.

    `top1` is the class of the highest score, the first of those that share it, and `correct`
    whether that is the label. `correct_present` is the same among the classes that occur in the
    data, None where no such classes were named.
    """

    top1: Labels
    correct: Flags
    correct_present: Flags | None


def score(  # noqa: PLR0913 - what is scored, and three ways to go about it
    load: Callable[[], Session],
    images: Pixels,
    labels: Labels,
    *,
    present: Sequence[int] | None = None,
    workers: int = 1,
    own: Session | None = None,
) -> Scored:
    """Answer every image, on at most so many sessions side by side.

    A first chunk shows how long an image takes; more sessions are loaded where that pays. The
    result does not depend on how many there are.

    Args:
        load: loads a session; those it loads are closed again.
        images: uint8, shape (images, height, width, channels); may be a memory map.
        labels: indices into the model's classes, shape (images,).
        present: the classes that occur in the data, where some of the model's do not.
        workers: the most sessions at a time.
        own: a session that is used first, and stays open.

    Raises:
        ValueError: There are no images, not one label an image, a class that the model has no
            score for, or a score that is not a number; of several images, it names the first.
    """
    if len(images) == 0 or labels.shape != (len(images),):
        raise ValueError(f"{len(images)} images with labels of shape {labels.shape}")
    classes = None if present is None else np.array(sorted(present), np.int64)
    if classes is not None and len(classes) == 0:
        raise ValueError("no class is said to be present in the data")
    work = _Work(images, labels, classes)
    loaded: list[Session] = []

    def another() -> Session:
        loaded.append(load())
        return loaded[-1]

    try:
        sessions = [another() if own is None else own]
        started = time.perf_counter()
        done = work.some(sessions[0])
        left = (time.perf_counter() - started) / done * (len(images) - done)
        for _ in range(min(workers - 1, int(left / SECONDS_EACH))):
            sessions.append(another())
        work.rest(sessions)
    finally:
        for session in loaded:
            session.close()
    return work.scored()


class _Work:
    """The images, handed out in chunks, and the answers, each put in its place."""

    def __init__(
        self, images: Pixels, labels: Labels, classes: npt.NDArray[np.int64] | None
    ) -> None:
        self._images = images
        self._labels = labels
        self._classes = classes
        self._top1 = np.zeros(len(images), np.int64)
        self._top1_present = np.zeros(len(images), np.int64)
        self._chunks = self._cut()
        self._lock = threading.Lock()
        self._faults: list[tuple[int, Exception]] = []

    def _cut(self) -> Iterator[range]:
        for start in range(0, len(self._images), CHUNK):
            yield range(start, min(start + CHUNK, len(self._images)))

    def some(self, session: Session) -> int:
        """Answer one chunk; returns how many images that were."""
        chunk = next(self._chunks)
        for place in chunk:
            self._answer(session, place)
        return len(chunk)

    def rest(self, sessions: Sequence[Session]) -> None:
        """Answer what is left, each session in a thread, the first one in this."""
        if len(sessions) == 1:
            self._empty(sessions[0])
        else:
            with ThreadPoolExecutor(len(sessions) - 1) as pool:
                try:
                    others = [pool.submit(self._empty, session) for session in sessions[1:]]
                    self._empty(sessions[0])
                finally:  # also on Ctrl-C, which reaches this thread alone
                    self._stop()
            for other in others:
                other.result()
        if self._faults:
            raise min(self._faults, key=lambda fault: fault[0])[1]

    def scored(self) -> Scored:
        """Return all answers."""
        restricted = None if self._classes is None else self._top1_present == self._labels
        return Scored(self._top1, self._top1 == self._labels, restricted)

    def _empty(self, session: Session) -> None:
        """Take chunks until none is left; at a fault, none is taken any more by anyone.

        Chunks are taken in order, so the first fault is among those that are taken by then.
        """
        while (chunk := self._take()) is not None:
            for place in chunk:
                try:
                    self._answer(session, place)
                except Exception as error:  # noqa: BLE001 - which one is raised is decided later
                    self._faults.append((place, error))
                    self._stop()
                    return

    def _take(self) -> range | None:
        with self._lock:
            return next(self._chunks, None)

    def _stop(self) -> None:
        with self._lock:
            self._chunks = iter(())

    def _answer(self, session: Session, place: int) -> None:
        session.feed(np.asarray(self._images[place]))
        session.invoke()
        scores = session.scores()
        label = self._labels[place]
        if not 0 <= label < len(scores):
            raise ValueError(f"image {place} has label {label}, the model {len(scores)} classes")
        if np.isnan(scores).any():
            raise ValueError(f"the scores of image {place} are not numbers")
        self._top1[place] = np.argmax(scores)
        if self._classes is not None:
            if self._classes[0] < 0 or self._classes[-1] >= len(scores):
                raise ValueError(
                    f"the data has classes {self._classes[0]} to {self._classes[-1]}, "
                    f"the model {len(scores)}"
                )
            self._top1_present[place] = self._classes[np.argmax(scores[self._classes])]
