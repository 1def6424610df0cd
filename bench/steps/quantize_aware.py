"""Quantisation-aware training: some more epochs of a network that rounds as its int8 file will.

Worth its time where quantising after training costs accuracy. The weights learn where the roundings
are; `ConvertAware` then writes them down as they are, without calibration.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from bench.build.recipe import NOT_HASHED
from bench.networks import keras
from bench.spec import Kind, Labels, Pixels, Step, Toolchain, Workplace
from bench.steps import (
    distill,
    fake_quantised,
    images,
    long_training,
    train_student,
    trained,
    training,
    transfer,
)
from bench.steps.augmentation import view
from bench.steps.long_training import LongSchedule
from bench.steps.teacher_answers import LOGITS_FILE, TeacherAnswers

Shown = Callable[[int], npt.NDArray[Any]]
"""What the layers that learn are given in an epoch."""


@dataclass(frozen=True, slots=True)
class QuantizeAware:
    """Train on after `source`, rounding; labels alone, or with a teacher as `TrainStudent` does.

    `keep_zeros` keeps what was pruned. With a `cut` only layers after that one learn, on what the
    rounded layers before it make of the images, and batch norm stays as it is; see `FineTune`.
    """

    source: Step
    images: Step
    schedule: LongSchedule
    answers: TeacherAnswers | None = None
    temperature: float = 4.0
    alpha: float = 0.1
    keep_zeros: bool = False
    cut: str = ""
    expected_seconds: float = field(default=300.0, metadata=NOT_HASHED)

    toolchain: ClassVar[Toolchain] = "tensorflow"
    kind: ClassVar[Kind] = "train"
    packages: ClassVar[tuple[str, ...]] = (
        "tensorflow",
        "tf-keras",
        "tensorflow-model-optimization",
        "numpy",
    )
    seeded: ClassVar[bool] = True
    code: ClassVar[tuple[str, ...]] = (
        *trained.CODE,
        "bench.steps.augmentation",
        "bench.steps.distill",
        "bench.steps.fake_quantised",
        "bench.steps.images",
        "bench.steps.long_training",
        "bench.steps.train_student",
        "bench.steps.transfer",
    )

    def __post_init__(self) -> None:
        answers = self.answers
        if answers and (answers.images, answers.views) != (self.images, self.schedule.views):
            raise ValueError(
                "A network must be shown the very pictures that its teacher answered: "
                "give both the same images and as many views."
            )

    def label(self) -> str:
        """Name the network and how it was trained."""
        return f"{self.source.label()} {'pqat' if self.keep_zeros else 'qat'}"

    def title(self) -> str:
        """Say what is trained."""
        return f"quantisation-aware training of {self.source.label()}"

    def cost(self) -> float:
        """Expected seconds."""
        return self.expected_seconds

    def run(self, place: Workplace) -> None:
        """Write the network with its ranges; ValueError where zeros that were to stay went."""
        pixels, labels = images.training_images(place.inputs[1])
        training.set_seed(place.seed)
        network, model = trained.load(place.inputs[0])
        if self.cut:
            transfer._freeze_batch_norm(model)
        pruned = fake_quantised.pruned_layers(place.inputs[0])
        zeros = fake_quantised.zeros(model, pruned)
        aware = fake_quantised.build(model, keep_zeros=self.keep_zeros)
        fake_quantised.set_ranges(aware, model, pixels)
        learning, shown, score = self._parts(aware, pixels, place)
        targets, loss = self._targets(labels, place)
        long_training.compile_for(learning, self.schedule, len(pixels), loss)
        right = long_training.train(
            learning,
            self.schedule,
            lambda epoch: (shown(epoch), targets(epoch)),
            place,
            score=score,
        )
        left = fake_quantised.zeros(aware, pruned)
        if self.keep_zeros and left < zeros:
            raise ValueError(f"Of {zeros} pruned weights only {left} were still zero at the end.")
        for stored in place.out.glob("view_*.npy"):
            stored.unlink()
        notes = {**trained.read_notes(place.inputs[0]), "validation_top1": right}
        trained.save(place.out, network, aware, notes)

    def _parts(
        self, aware: Any, pixels: Pixels, place: Workplace
    ) -> tuple[Any, Shown, Callable[[], float]]:
        """Return what learns, what it is shown in an epoch, and what scores it."""
        validation, labels = images.validation_images(place.inputs[1])
        views = self.schedule.views
        if not self.cut:
            score = long_training.scorer(aware, validation, labels)
            return aware, lambda epoch: view(pixels, epoch % views, place.seed), score
        below, above = transfer._split(aware, self.cut)
        folder: Path = place.resume or place.out
        stored = [
            transfer._stored(folder, f"view_{number}", below, place, number, views, pixels)
            for number in range(views)
        ]
        score = long_training.scorer(above, transfer._outputs(below, validation), labels)
        return above, lambda epoch: stored[epoch % views], score

    def _targets(
        self, labels: Labels, place: Workplace
    ) -> tuple[Callable[[int], npt.NDArray[Any]], Any]:
        """Return what is to be learned in an epoch, and the loss against it."""
        if self.answers is None:
            loss = keras().losses.SparseCategoricalCrossentropy(from_logits=True)
            return lambda _: labels, loss
        answers = np.load(place.inputs[2] / LOGITS_FILE, mmap_mode="r")
        both = train_student.distillation_loss(self.temperature, self.alpha)
        return lambda epoch: distill.pack(labels, answers[epoch % self.schedule.views]), both
