"""A small network for photographs, trained alone or with a teacher's answers.

Both ways see the same pictures in the same order for the same number of steps; only the teacher's
answers differ, so their difference is what distillation brought.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from bench import networks
from bench.build.recipe import NOT_HASHED
from bench.networks import keras
from bench.spec import Kind, Labels, Step, Toolchain, Workplace
from bench.steps import distill, images, long_training, softening, trained, training
from bench.steps.augmentation import view
from bench.steps.long_training import LongSchedule
from bench.steps.teacher_answers import LOGITS_FILE, TeacherAnswers
from bench.steps.trained import Network

CODE = (
    *trained.CODE,
    "bench.networks.residual",
    "bench.steps.augmentation",
    "bench.steps.distill",
    "bench.steps.images",
    "bench.steps.long_training",
    "bench.steps.softening",
)


@dataclass(frozen=True, slots=True)
class TrainStudent:
    """Train with cross-entropy alone, or also on a teacher's softened answers; see `Distill`.

    `labelled` uses the labels of the first so many images of each class only (0: of all); the
    others are learned from the teacher's answers alone. `repeat` tells trainings with one seed and
    one teacher apart: another beginning and another order.
    """

    images: Step
    network: Network
    schedule: LongSchedule
    answers: TeacherAnswers | None = None
    temperature: float = 4.0
    alpha: float = 0.1
    labelled: int = 0
    repeat: int = 0
    expected_seconds: float = field(default=1200.0, metadata=NOT_HASHED)

    toolchain: ClassVar[Toolchain] = "tensorflow"
    kind: ClassVar[Kind] = "train"
    packages: ClassVar[tuple[str, ...]] = ("tensorflow", "tf-keras", "numpy")
    seeded: ClassVar[bool] = True

    def __post_init__(self) -> None:
        answers = self.answers
        if answers and (answers.images, answers.views) != (self.images, self.schedule.views):
            raise ValueError(
                "A student must be shown the very pictures that its teacher answered: "
                "give both the same images and as many views."
            )
        if self.labelled and not answers:
            raise ValueError("Images without their labels can be learned from a teacher alone.")

    @property
    def code(self) -> tuple[str, ...]:
        """The training loop and the network."""
        return (*CODE, networks.module_name(self.network.name))

    def label(self) -> str:
        """Name the student."""
        return f"{'distilled ' if self.answers else ''}{self.network.name}"

    def title(self) -> str:
        """Name the student and its teacher."""
        if self.answers:
            return f"distilling {self.answers.label()} into {self.network.name}"
        return f"training {self.network.name}"

    def cost(self) -> float:
        """Expected seconds."""
        return self.expected_seconds

    def run(self, place: Workplace) -> None:
        """Write the trained student, its score on the validation images, and what taught it."""
        pixels, labels = images.training_images(place.inputs[0])
        training.set_seed(place.seed + 1000 * self.repeat)
        model = self.network.build()
        notes: dict[str, Any] = {}
        if self.answers:
            answers = np.load(place.inputs[1] / LOGITS_FILE, mmap_mode="r")
            notes["distillation"] = softening.check_soft(answers[0], self.temperature)
            loss = distillation_loss(self.temperature, self.alpha)
            labels = _hidden(labels, self.labelled) if self.labelled else labels
        else:
            answers = None
            loss = keras().losses.SparseCategoricalCrossentropy(from_logits=True)
        long_training.compile_for(model, self.schedule, len(pixels), loss)

        def epoch_data(epoch: int) -> long_training.Batch:
            number = epoch % self.schedule.views
            seen = view(pixels, number, place.seed)
            return seen, labels if answers is None else distill.pack(labels, answers[number])

        score = long_training.scorer(model, *images.validation_images(place.inputs[0]))
        notes["validation_top1"] = long_training.train(
            model, self.schedule, epoch_data, place, order=(self.repeat,), score=score
        )
        trained.save(place.out, self.network, model, notes)


UNKNOWN = -1
"""The label of an image whose label is not used."""


def distillation_loss(temperature: float, alpha: float) -> Callable[[Any, Any], Any]:
    """Return the loss of `Distill` on packed targets; the teacher's part alone without a label."""
    import tensorflow as tf

    both = distill.distillation_loss(temperature, alpha)
    taught = distill.distillation_loss(temperature, 0.0)

    def loss(packed: Any, student: Any) -> Any:
        known = packed[:, 0] > UNKNOWN + 0.5
        first = tf.maximum(packed[:, :1], 0.0)
        filled = tf.concat([first, packed[:, 1:]], axis=1)
        return tf.where(known, both(filled, student), taught(filled, student))

    return loss


def _hidden(labels: Labels, kept: int) -> Labels:
    """Return labels of which each class keeps its first few."""
    hidden = np.full_like(labels, UNKNOWN)
    for label in np.unique(labels):
        hidden[np.flatnonzero(labels == label)[:kept]] = label
    return hidden
