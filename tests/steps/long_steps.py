"""Steps that look at long trainings from inside TensorFlow's process."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bench.spec import Step, Workplace
from bench.steps import long_training, train_student, trained
from bench.steps.long_training import LongSchedule
from bench.steps.train_student import TrainStudent
from bench.steps.trained import WEIGHTS_FILE, Network
from tests.steps.tensorflow_steps import OfTensorFlow


class Killed(BaseException):
    """What a kill is to the code that it meets."""


def killed_then_run(step: Step, place: Workplace) -> None:
    """Kill a training in its second epoch and run it again; `kept` and `told` say how that went."""
    resume, first = place.out / "resume", place.out / "first"
    resume.mkdir()
    first.mkdir()
    told: list[str] = []

    def killing(done: float, _: float, note: str = "") -> None:
        if done > 1.1 and note.startswith("epoch"):
            raise Killed

    def listening(_: float, __: float, note: str = "") -> None:
        told.append(note)

    try:
        step.run(Workplace(place.inputs, first, place.seed, killing, resume))
    except Killed:
        (place.out / "kept").write_text(str((resume / long_training.CHECKPOINT).exists()))
    step.run(Workplace(place.inputs, place.out, place.seed, listening, resume))
    (place.out / "told").write_text("\n".join(told))


@dataclass(frozen=True, slots=True)
class Interrupted(OfTensorFlow):
    """A training that is killed in its second epoch, and the same run again."""

    images: Step
    network: Network
    schedule: LongSchedule

    def run(self, place: Workplace) -> None:
        killed_then_run(TrainStudent(self.images, self.network, self.schedule), place)


@dataclass(frozen=True, slots=True)
class Unlabelled(OfTensorFlow):
    """The loss of images with and without a label, at two weights of the labels."""

    def run(self, place: Workplace) -> None:
        rng = np.random.default_rng(3)
        teacher, student = rng.normal(0, 3, (2, 6, 4)).astype(np.float32)
        labels = np.array([0, 1, 2, -1, -1, -1])
        packed = np.concatenate([labels[:, np.newaxis], teacher], axis=1).astype(np.float32)
        losses = {
            f"alpha_{alpha:g}": np.asarray(
                train_student.distillation_loss(2.0, alpha)(packed, student)
            )
            for alpha in (0.0, 0.5)
        }
        np.savez(place.out / "losses.npz", **losses)


@dataclass(frozen=True, slots=True)
class ByLayer(OfTensorFlow):
    """A trained network's arrays under `layer/number`, which files of weights do not have."""

    source: Step

    def run(self, place: Workplace) -> None:
        _, model = trained.load(place.inputs[0])
        arrays = {
            f"{layer.name}/{number}": array
            for layer in model.layers
            for number, array in enumerate(layer.get_weights())
        }
        np.savez(place.out / WEIGHTS_FILE, **arrays)
