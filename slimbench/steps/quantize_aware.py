"""Quantisation-aware training: some more epochs of a network that rounds as its int8 file will.

Worth its time where quantising after training costs accuracy. The weights learn where the roundings
are; `Convert` then writes them down as they are, without calibration.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from slimbench.networks import quantization_aware, weights
from slimbench.spec import Pixels, Step, TrainingStep, Workplace
from slimbench.steps import distill, fine_tune, images, training
from slimbench.steps.distill import TeacherAnswers
from slimbench.steps.training import Batch, Schedule

InputOf = Callable[[int], npt.NDArray[Any]]
"""What the layers that learn are given in an epoch."""


@dataclass(frozen=True, slots=True)
class QuantizeAware(TrainingStep):
    """Train on after `source`, rounding; on labels alone, or with a teacher as `Distill` does.

    `keep_zeros` keeps what was pruned. With a `cut` only layers after that one learn, on what the
    rounded layers before it make of the images, and batch norm stays as it is; see `FineTune`.
    """

    source: Step
    images: Step
    schedule: Schedule
    answers: TeacherAnswers | None = None
    temperature: float = 4.0
    alpha: float = 0.1
    keep_zeros: bool = False
    cut: str = ""

    packages: ClassVar[tuple[str, ...]] = (
        *TrainingStep.packages,
        "tensorflow-model-optimization",
    )
    action: ClassVar[str] = "quantisation-aware training of"

    def __post_init__(self) -> None:
        if self.answers:
            distill.check_same_pictures(self.answers, self.images, self.schedule)

    def label(self) -> str:
        """Name the network and how it was trained."""
        return f"{self.source.label()} {'pqat' if self.keep_zeros else 'qat'}"

    def title(self) -> str:
        """Say what is trained."""
        return f"{self.action} {self.source.label()}"

    def run(self, place: Workplace) -> None:
        """Write the network with its ranges; ValueError where zeros that were to stay went."""
        pixels, labels = images.training_images(place.inputs[1])
        training.set_seed(place.seed)
        network, model = weights.load(place.inputs[0])
        if self.cut:
            fine_tune.freeze_batch_norm(model)
        pruned = weights.pruned_layers(place.inputs[0])
        zeros = quantization_aware.zeros(model, pruned)
        aware = quantization_aware.build(model, keep_zeros=self.keep_zeros)
        quantization_aware.set_ranges(aware, model, pixels)
        learner, input_of, score = self._parts(aware, pixels, place)
        loss, answers_of = None, None
        if self.answers:
            loss = distill.distillation_loss(self.temperature, self.alpha)
            answers_of = distill.stored_answers(place.inputs[2])

        def epoch_data(epoch: int) -> Batch:
            if answers_of is None:
                return input_of(epoch), labels
            return input_of(epoch), distill.pack(labels, answers_of(self.schedule.view_of(epoch)))

        share = training.fit(
            learner, self.schedule, epoch_data, place, images=len(pixels), loss=loss, score=score
        )
        left = quantization_aware.zeros(aware, pruned)
        if self.keep_zeros and left < zeros:
            raise ValueError(f"Of {zeros} pruned weights only {left} were still zero at the end.")
        fine_tune.remove_frozen_outputs(place)
        notes = {
            **weights.read_notes(place.inputs[0]),
            weights.QUANTIZE_AWARE: True,
            "validation_top1": share,
            "zeros": left,
        }
        weights.save(place.out, network, aware, notes)

    def _parts(
        self, aware: Any, pixels: Pixels, place: Workplace
    ) -> tuple[Any, InputOf, Callable[[], float]]:
        """Return the layers that learn, their input in an epoch, and what scores them."""
        validation, labels = images.validation_images(place.inputs[1])
        schedule = self.schedule
        if not self.cut:

            def seen(epoch: int) -> npt.NDArray[np.uint8]:
                number = schedule.view_of(epoch)
                return training.view(pixels, number, place.seed, schedule.augmentation)

            return aware, seen, training.scorer(aware, validation, labels)
        below, above = fine_tune.split(aware, self.cut)
        views = fine_tune.frozen_outputs(below, pixels, schedule, place)
        score = training.scorer(above, fine_tune.outputs(below, validation), labels)
        return above, lambda epoch: views[schedule.view_of(epoch)], score
