"""Distillation (Hinton et al. 2015): a small network learns a large one's softened answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from bench import networks
from bench.spec import Kind, Step, Toolchain, Workplace
from bench.steps import images, softening, trained, training
from bench.steps.trained import Network
from bench.steps.training import Schedule

LOGITS_FILE = "logits.npy"
_CODE = (*trained.CODE, "bench.steps.softening")


@dataclass(frozen=True, slots=True)
class TeacherLogits:
    """A teacher's logits on every view of the training images, computed once.

    The student then sees a picture together with the teacher's answer to that very picture, at
    the price of one pass and not of one an epoch.
    """

    teacher: Step
    images: Step
    schedule: Schedule

    toolchain: ClassVar[Toolchain] = "tensorflow"
    kind: ClassVar[Kind] = "train"
    packages: ClassVar[tuple[str, ...]] = ("tensorflow", "tf-keras", "numpy")
    seeded: ClassVar[bool] = True
    code: ClassVar[tuple[str, ...]] = _CODE

    def label(self) -> str:
        """Name the teacher."""
        return self.teacher.label()

    def title(self) -> str:
        """Say whose answers."""
        return f"asking the teacher, {self.label()}"

    def cost(self) -> float:
        """Expected seconds."""
        return 15.0

    def run(self, place: Workplace) -> None:
        """Write float32 logits, shape (views, images, classes)."""
        training.set_seed(place.seed)
        pixels, _ = images.training_images(place.inputs[1])
        _, model = trained.load(place.inputs[0])
        answers = []
        for number, view in enumerate(training.views(pixels, self.schedule, place.seed), 1):
            answers.append(trained.logits(model, view))
            place.advance(number, self.schedule.views)
        logits = np.stack(answers).astype(np.float32)
        softening.check_logits(logits)
        np.save(place.out / LOGITS_FILE, logits)


@dataclass(frozen=True, slots=True)
class Distill:
    """Train a student on labels and on a teacher's logits.

    The loss is alpha * CE(student, label) + (1 - alpha) * T^2 * KL(softmax(teacher / T) ||
    softmax(student / T)); T^2 keeps the gradients of both parts of a size as T changes.
    """

    images: Step
    teacher: TeacherLogits
    network: Network
    schedule: Schedule
    temperature: float
    alpha: float

    toolchain: ClassVar[Toolchain] = "tensorflow"
    kind: ClassVar[Kind] = "train"
    packages: ClassVar[tuple[str, ...]] = ("tensorflow", "tf-keras", "numpy")
    seeded: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if (self.images, self.schedule) != (self.teacher.images, self.teacher.schedule):
            raise ValueError(
                "A student must be shown the very pictures that its teacher answered: "
                "give both the same images and the same schedule."
            )

    @property
    def code(self) -> tuple[str, ...]:
        """The training loop, the softening and the network."""
        return (*_CODE, networks.module_name(self.network.name))

    def label(self) -> str:
        """Name the student."""
        return f"distilled {self.network.name}"

    def title(self) -> str:
        """Name the student."""
        return f"distilling {self.teacher.label()} into {self.network.name}"

    def cost(self) -> float:
        """Expected seconds."""
        return 20.0

    def run(self, place: Workplace) -> None:
        """Write the trained student and how soft its targets were."""
        pixels, labels = images.training_images(place.inputs[0])
        answers = np.load(place.inputs[1] / LOGITS_FILE)
        softness = softening.check_soft(answers, self.temperature)
        rng = training.set_seed(place.seed)
        model = self.network.build()
        loss = distillation_loss(self.temperature, self.alpha)
        training.compile_for(model, self.schedule, len(pixels), loss)
        targets = [pack(labels, logits) for logits in answers]
        seen = training.views(pixels, self.schedule, place.seed)
        training.fit(model, seen, targets, self.schedule, rng, place.advance)
        trained.save(place.out, self.network, model, {"distillation": softness})


def pack(labels: Any, logits: Any) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Put label and teacher's logits side by side, shape (images, 1 + classes), for Keras."""
    return np.concatenate([labels[:, np.newaxis], logits], axis=1).astype(np.float32)


def distillation_loss(temperature: float, alpha: float) -> Callable[[Any, Any], Any]:
    """Return the loss of `Distill` on packed targets and the student's logits."""
    import tensorflow as tf

    def loss(packed: Any, student: Any) -> Any:
        labels = tf.cast(packed[:, 0], tf.int32)
        hard = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, student)
        teacher = tf.nn.log_softmax(packed[:, 1:] / temperature)
        answer = tf.nn.log_softmax(student / temperature)
        divergence = tf.reduce_sum(tf.exp(teacher) * (teacher - answer), axis=-1)
        return alpha * hard + (1 - alpha) * temperature**2 * divergence

    return loss
