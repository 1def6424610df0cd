"""What a teacher's finished float file answers to every view of the training images.

Asked through LiteRT, on all cores: three times as fast as Keras, and what teaches is then the very
model that is measured. Its softmax is undone by a logarithm, up to a constant for each image, which
softening does not see.
"""

from __future__ import annotations

import queue
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from bench.spec import MODEL_FILE, Kind, Pixels, Session, Step, Toolchain, Workplace
from bench.steps import images, softening
from bench.steps.augmentation import view

LOGITS_FILE = "logits.npy"

LEAST = 1e-30
"""A probability that float32 no longer holds counts as this one: a finite logarithm."""

CHUNK = 512


@dataclass(frozen=True, slots=True)
class TeacherAnswers:
    """Ask a float `.tflite` file about each of `views` views; see `augmentation.view`."""

    teacher: Step
    images: Step
    views: int

    toolchain: ClassVar[Toolchain] = "plain"
    kind: ClassVar[Kind] = "train"
    packages: ClassVar[tuple[str, ...]] = ("ai-edge-litert", "numpy")
    seeded: ClassVar[bool] = True
    code: ClassVar[tuple[str, ...]] = (
        "bench.steps.augmentation",
        "bench.steps.images",
        "bench.steps.softening",
    )

    def label(self) -> str:
        """Name the teacher."""
        return self.teacher.label()

    def title(self) -> str:
        """Say whose answers."""
        return f"asking the teacher, {self.label()}"

    def cost(self) -> float:
        """Expected seconds."""
        return 60.0 * self.views

    def run(self, place: Workplace) -> None:
        """Write float32 logits, shape (views, images, classes)."""
        from bench.engines.litert import ENGINE
        from bench.scoring import cores

        pixels, _ = images.training_images(place.inputs[1])
        sessions = [ENGINE.load(place.inputs[0] / MODEL_FILE, 1) for _ in range(cores())]
        answers = [
            _answers(sessions, view(pixels, number, place.seed), place, number, self.views)
            for number in range(self.views)
        ]
        logits = np.log(np.maximum(np.stack(answers), LEAST)).astype(np.float32)
        softening.check_logits(logits)
        np.save(place.out / LOGITS_FILE, logits)


def _answers(
    sessions: list[Session], pixels: Pixels, place: Workplace, number: int, views: int
) -> npt.NDArray[np.float32]:
    """Return probabilities, shape (images, classes), each session answering chunks in a thread."""
    chunks = [
        range(start, min(start + CHUNK, len(pixels))) for start in range(0, len(pixels), CHUNK)
    ]
    free: queue.SimpleQueue[Session] = queue.SimpleQueue()
    for session in sessions:
        free.put(session)

    def answer(chunk: range) -> list[npt.NDArray[np.float32]]:
        session = free.get()
        try:
            return [_one(session, pixels[index]) for index in chunk]
        finally:
            free.put(session)

    found: list[npt.NDArray[np.float32]] = []
    with ThreadPoolExecutor(len(sessions)) as pool:
        for part in pool.map(answer, chunks):
            found.extend(part)
            done = number + len(found) / len(pixels)
            place.advance(done, views, f"view {number + 1} of {views}")
    return np.stack(found)


def _one(session: Session, image: Pixels) -> npt.NDArray[np.float32]:
    session.feed(image)
    session.invoke()
    return session.scores().copy()
