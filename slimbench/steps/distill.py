"""Distillation (Hinton et al. 2015): a small network learns a large one's softened answers.

Student and control (`Train` with the same schedule) see the same pictures in the same order for the
same number of steps; only the teacher's answers differ, so their difference is what distillation
brought.
"""

from __future__ import annotations

import functools
import queue
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from slimbench.networks import weights
from slimbench.networks.weights import Network
from slimbench.spec import (
    MODEL_FILE,
    Labels,
    Pixels,
    Session,
    Step,
    Toolchain,
    TrainingStep,
    Workplace,
)
from slimbench.steps import images, training
from slimbench.steps.training import Augmentation, Batch, Schedule

LOGITS_FILE = "logits.npy"

LEAST_PROBABILITY = 1e-30
"""A probability that float32 no longer holds counts as this one: a finite logarithm."""

CHUNK = 512
"""Images that a thread asks the teacher about at a time."""

UNKNOWN = -1
"""The label of an image whose label is not used."""

Logits = npt.NDArray[np.floating]


@dataclass(frozen=True, slots=True)
class TeacherAnswers(TrainingStep):
    """Ask a teacher's float `.tflite` file about each of `views` views of the training images.

    Through LiteRT, on all cores: three times as fast as Keras, and what teaches is then the very
    model that is measured. Its softmax is undone by a logarithm, up to a constant for each image,
    which softening does not see.
    """

    teacher: Step
    images: Step
    views: int
    augmentation: Augmentation = training.PHOTOGRAPHS

    toolchain: ClassVar[Toolchain] = "plain"
    packages: ClassVar[tuple[str, ...]] = ("ai-edge-litert", "numpy")
    action: ClassVar[str] = "asking the teacher,"

    def run(self, place: Workplace) -> None:
        """Write float32 logits, shape (views, images, classes)."""
        from slimbench.engines.litert import ENGINE
        from slimbench.measurement.scoring import cores

        pixels, _ = images.training_images(place.inputs[1])
        sessions = [ENGINE.load(place.inputs[0] / MODEL_FILE, 1) for _ in range(cores())]
        answers = []
        for number in range(self.views):
            seen = training.view(pixels, number, place.seed, self.augmentation)
            told = functools.partial(self._advance, place, number)
            asked = functools.partial(_probabilities, sessions, seen, told)
            folder = place.resume or place.out
            answers.append(training.stored_array(folder / f"view_{number}.npy", asked))
        logits = np.log(np.maximum(np.stack(answers), LEAST_PROBABILITY)).astype(np.float32)
        check_logits(logits)
        np.save(place.out / LOGITS_FILE, logits)
        for stored in place.out.glob("view_*.npy"):
            stored.unlink()

    def _advance(self, place: Workplace, number: int, share: float) -> None:
        place.advance(number + share, self.views, f"view {number + 1} of {self.views}")


@dataclass(frozen=True, slots=True)
class Distill(TrainingStep):
    """Train a student on labels and on a teacher's logits.

    The loss is alpha * CE(student, label) + (1 - alpha) * T^2 * KL(softmax(teacher / T) ||
    softmax(student / T)); T^2 keeps the gradients of both parts of a size as T changes.

    `teacher` is a `TeacherAnswers`, whose answers are stored and serve several students, or a
    trained network, which is asked while the student learns. `labelled` uses the labels of the
    first so many images of each class only (0: of all); the others are learned from the teacher's
    answers alone. `repeat` and `validated` are as of `Train`.
    """

    images: Step
    teacher: Step
    network: Network
    schedule: Schedule
    temperature: float = 4.0
    alpha: float = 0.1
    labelled: int = 0
    repeat: int = 0
    validated: bool = False

    def __post_init__(self) -> None:
        check_same_pictures(self.teacher, self.images, self.schedule)
        if not self.schedule.views:
            raise ValueError("A teacher answers a fixed number of views: give the schedule views.")

    def versions(self) -> dict[str, str]:
        """Return also the network's."""
        return {**TrainingStep.versions(self), **self.network.versions()}

    def label(self) -> str:
        """Name the student."""
        return f"distilled {self.network.name}"

    def title(self) -> str:
        """Name the student and its teacher."""
        return f"distilling {self.teacher.label()} into {self.network.name}"

    def run(self, place: Workplace) -> None:
        """Write the trained student, how soft its targets were, and its validation score."""
        pixels, labels = images.training_images(place.inputs[0])
        if self.labelled:
            labels = hide_labels(labels, self.labelled)
        views = functools.partial(
            training.view, pixels, seed=place.seed, augmentation=self.schedule.augmentation
        )
        if isinstance(self.teacher, TeacherAnswers):
            answers_of = stored_answers(place.inputs[1])
        else:
            answers_of = _live_answers(place.inputs[1], views)
        softness = check_soft(answers_of(0), self.temperature)
        training.set_seed(place.seed + 1000 * self.repeat)
        model = self.network.build()

        def epoch_data(epoch: int) -> Batch:
            number = self.schedule.view_of(epoch)
            return views(number), pack(labels, answers_of(number))

        score = None
        if self.validated:
            score = training.scorer(model, *images.validation_images(place.inputs[0]))
        share = training.fit(
            model,
            self.schedule,
            epoch_data,
            place,
            images=len(pixels),
            loss=distillation_loss(self.temperature, self.alpha),
            repeat=self.repeat,
            score=score,
        )
        notes: dict[str, Any] = {"distillation": softness}
        if share is not None:
            notes["validation_top1"] = share
        weights.save(place.out, self.network, model, notes)


def check_same_pictures(teacher: Step, pictures: Step, schedule: Schedule) -> None:
    """Raise ValueError where stored answers are about other pictures than a schedule shows."""
    if not isinstance(teacher, TeacherAnswers):
        return
    answered = (teacher.images, teacher.views, teacher.augmentation)
    if answered != (pictures, schedule.views, schedule.augmentation):
        raise ValueError(
            "A student must be shown the very pictures that its teacher answered: "
            "give both the same images, as many views and the same augmentation."
        )


def stored_answers(folder: Path) -> Callable[[int], Logits]:
    """Return a function that gives the logits of a view from a `TeacherAnswers` artifact."""
    answers = np.load(folder / LOGITS_FILE, mmap_mode="r")
    return lambda number: answers[number]


def _live_answers(folder: Path, views: Callable[[int], Pixels]) -> Callable[[int], Logits]:
    """Return a function that asks a trained network about a view, once, and remembers it."""
    _, teacher = weights.load(folder)

    @functools.cache
    def answers(number: int) -> Logits:
        return weights.logits(teacher, views(number))

    return answers


def pack(labels: Labels, logits: Logits) -> npt.NDArray[np.float32]:
    """Put label and teacher's logits side by side, shape (images, 1 + classes), for Keras."""
    return np.concatenate([labels[:, np.newaxis], logits], axis=1).astype(np.float32)


def hide_labels(labels: Labels, kept: int) -> Labels:
    """Return labels of which each class keeps its first few; the others are `UNKNOWN`."""
    hidden = np.full_like(labels, UNKNOWN)
    for label in np.unique(labels):
        first = np.flatnonzero(labels == label)[:kept]
        hidden[first] = label
    return hidden


def distillation_loss(temperature: float, alpha: float) -> Callable[[Any, Any], Any]:
    """Return the loss of `Distill` on packed targets and the student's logits.

    An image without a label has the teacher's part alone, at its full weight.
    """
    import tensorflow as tf

    def loss(packed: Any, student: Any) -> Any:
        labels = tf.cast(packed[:, 0], tf.int32)
        known = labels > UNKNOWN
        hard = tf.nn.sparse_softmax_cross_entropy_with_logits(tf.maximum(labels, 0), student)
        teacher = tf.nn.log_softmax(packed[:, 1:] / temperature)
        answer = tf.nn.log_softmax(student / temperature)
        divergence = tf.reduce_sum(tf.exp(teacher) * (teacher - answer), axis=-1)
        soft = temperature**2 * divergence
        return tf.where(known, alpha * hard + (1 - alpha) * soft, soft)

    return loss


def soften(logits: Logits, temperature: float = 1.0) -> Logits:
    """Turn logits, divided by the temperature, into probabilities along the last axis."""
    from scipy.special import softmax  # takes half a second of every run to import

    shares: Logits = softmax(np.asarray(logits, np.float64) / temperature, axis=-1)
    return shares


def entropy(shares: Logits) -> float:
    """Return the mean entropy of rows of probabilities, in nats."""
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(shares > 0, shares * np.log(shares), 0.0)
    return float(-terms.sum(axis=-1).mean())


def check_logits(logits: Logits) -> None:
    """Raise ValueError where an array holds probabilities, or no numbers, instead of logits.

    The classic mistake of distillation is to soften probabilities: a softmax of a softmax is
    almost uniform, teaches nothing, and raises no error.
    """
    if not np.isfinite(logits).all():
        raise ValueError("The teacher's logits hold values that are not numbers.")
    in_unit_range = bool((logits >= 0).all() and (logits <= 1).all())
    if in_unit_range and np.allclose(logits.sum(axis=-1), 1.0, atol=1e-3):
        raise ValueError(
            "The teacher's answers are probabilities. Softening needs its logits: "
            "a softmax of a softmax is nearly uniform and teaches nothing."
        )


def check_soft(logits: Logits, temperature: float) -> dict[str, float]:
    """Check softened targets against a uniform and a one-hot answer; return what was seen.

    Returns:
        Mean entropy in nats at temperature 1 and at the given one, and log(classes).

    Raises:
        ValueError: probabilities instead of logits, targets no softer than the plain answers, or
            so flat that a student could not tell the classes apart.
    """
    check_logits(logits)
    plain, soft = entropy(soften(logits)), entropy(soften(logits, temperature))
    uniform = float(np.log(logits.shape[-1]))
    if temperature > 1 and soft <= plain:
        raise ValueError(
            f"Softening with temperature {temperature:g} left the answers as hard as they were."
        )
    if soft > 0.95 * uniform:
        raise ValueError(
            f"The softened answers are flat (entropy {soft:.2f} of at most {uniform:.2f} nats): "
            f"temperature {temperature:g} is too high for this teacher."
        )
    return {"entropy_plain": plain, "entropy_soft": soft, "entropy_uniform": uniform}


def _probabilities(
    sessions: list[Session], pixels: Pixels, advance: Callable[[float], None]
) -> npt.NDArray[np.float32]:
    """Return probabilities, shape (images, classes), each session answering chunks in a thread."""
    starts = range(0, len(pixels), CHUNK)
    free: queue.SimpleQueue[Session] = queue.SimpleQueue()
    for session in sessions:
        free.put(session)

    def ask(start: int) -> list[npt.NDArray[np.float32]]:
        session = free.get()
        try:
            return [_ask(session, image) for image in pixels[start : start + CHUNK]]
        finally:
            free.put(session)

    answers: list[npt.NDArray[np.float32]] = []
    with ThreadPoolExecutor(len(sessions)) as pool:
        for chunk in pool.map(ask, starts):
            answers.extend(chunk)
            advance(len(answers) / len(pixels))
    return np.stack(answers)


def _ask(session: Session, image: Pixels) -> npt.NDArray[np.float32]:
    session.feed(image)
    session.invoke()
    return session.scores().copy()
