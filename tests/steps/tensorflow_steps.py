"""Small data, and steps that write down what the TensorFlow side does, for tests without it."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar
from unittest import mock

import numpy as np

from bench.spec import EVALUATION_FILE, Kind, Step, Toolchain, Workplace
from bench.steps import images, trained
from bench.steps.distill import Distill, TeacherLogits, distillation_loss, pack
from bench.steps.images import SPLITS_FILE
from bench.steps.softening import softmax
from bench.steps.train import Train
from bench.steps.trained import Network
from bench.steps.training import Schedule

SHAPE = (16, 16, 3)
CLASSES = 3
"""Red, green and blue."""


@dataclass(frozen=True, slots=True)
class Plain:
    """What a step needs besides what it does."""

    toolchain: ClassVar[Toolchain] = "plain"
    kind: ClassVar[Kind] = "other"
    packages: ClassVar[tuple[str, ...]] = ()
    code: ClassVar[tuple[str, ...]] = ()
    seeded: ClassVar[bool] = False

    def label(self) -> str:
        return type(self).__name__

    def title(self) -> str:
        return type(self).__name__

    def cost(self) -> float:
        return 1.0


@dataclass(frozen=True, slots=True)
class Colours(Plain):
    """Noise in which one colour, the class, is brighter: a data set after `Images`."""

    training: int

    def run(self, place: Workplace) -> None:
        rng = np.random.default_rng(0)
        train, train_labels = coloured(rng, self.training)
        validation, validation_labels = coloured(rng, 12)
        np.savez(
            place.out / SPLITS_FILE,
            train_images=train,
            train_labels=train_labels,
            validation_images=validation,
            validation_labels=validation_labels,
        )
        test, labels = coloured(rng, 30)
        classes = np.array(["red", "green", "blue"])
        np.savez(place.out / EVALUATION_FILE, images=test, labels=labels, classes=classes)


def coloured(rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    labels = np.arange(count, dtype=np.int64) % CLASSES
    pixels = rng.integers(0, 160, (count, *SHAPE))
    pixels[np.arange(count), ..., labels] += 95
    return pixels.astype(np.uint8), labels


@dataclass(frozen=True, slots=True)
class OfTensorFlow(Plain):
    toolchain: ClassVar[Toolchain] = "tensorflow"
    seeded: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class KerasAnswers(OfTensorFlow):
    """The probabilities of a trained network on the test images, as Keras computes them."""

    source: Step
    images: Step

    def run(self, place: Workplace) -> None:
        _, model = trained.load(place.inputs[0])
        pixels, _, _ = images.evaluation_images(place.inputs[1])
        np.save(place.out / "answers.npy", softmax(trained.logits(model, pixels)))


@dataclass(frozen=True, slots=True)
class TrainedAgain(OfTensorFlow):
    """The same training with the same seed and with another one, after others in this process."""

    images: Step
    network: Network
    schedule: Schedule

    def run(self, place: Workplace) -> None:
        step = Train(self.images, self.network, self.schedule)
        for name, seed in (("same", place.seed), ("other", place.seed + 1)):
            folder = place.out / name
            folder.mkdir()
            step.run(Workplace(place.inputs, folder, seed, place.advance))


@dataclass(frozen=True, slots=True)
class Losses(OfTensorFlow):
    """The distillation's loss of each of some random answers."""

    temperature: float
    alpha: float

    def run(self, place: Workplace) -> None:
        labels, teacher, student = answers()
        loss = distillation_loss(self.temperature, self.alpha)
        np.save(place.out / "losses.npy", np.asarray(loss(pack(labels, teacher), student)))


def answers() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return labels, and logits of a teacher and of a student."""
    rng = np.random.default_rng(1)
    teacher, student = rng.normal(0, 4, (2, 20, 5)).astype(np.float32)
    return rng.integers(0, 5, 20), teacher, student


@dataclass(frozen=True, slots=True)
class Shown(OfTensorFlow):
    """All that Keras is given while a teacher is asked, a student distilled, and one trained."""

    images: Step
    source: Step
    network: Network
    schedule: Schedule

    def run(self, place: Workplace) -> None:
        pictures, source = place.inputs
        teacher = TeacherLogits(self.source, self.images, self.schedule)
        distill = Distill(self.images, teacher, self.network, self.schedule, 1.0, 0.5)
        train = Train(self.images, self.network, self.schedule)
        asked = self._given(teacher, (source, pictures), place, "asked")
        distilled = self._given(distill, (pictures, place.out / "asked"), place, "distilled")
        scratch = self._given(train, (pictures,), place, "scratch")
        _, model = trained.load(source)
        answers = [trained.logits(model, each) for each in distilled["fit_pixels"]]
        np.savez(
            place.out / "shown.npz",
            asked=asked["predict_pixels"],
            pixels=distilled["fit_pixels"],
            targets=distilled["fit_targets"],
            answers=answers,
            first_weights=distilled["first_weights"],
            scratch_pixels=scratch["fit_pixels"],
            scratch_targets=scratch["fit_targets"],
            scratch_first_weights=scratch["first_weights"],
        )

    def _given(
        self, step: Step, inputs: tuple[Path, ...], place: Workplace, name: str
    ) -> dict[str, list[np.ndarray]]:
        (place.out / name).mkdir()
        with _listening() as heard:
            step.run(Workplace(inputs, place.out / name, place.seed, place.advance))
        return heard


@contextlib.contextmanager
def _listening() -> Iterator[dict[str, list[np.ndarray]]]:
    """Keep what Keras's `fit` and `predict` are given, and the weights before the first `fit`."""
    import tensorflow as tf

    heard: dict[str, list[np.ndarray]] = defaultdict(list)
    fit, predict = tf.keras.Model.fit, tf.keras.Model.predict

    def heard_fit(model: Any, pixels: Any, targets: Any, **options: Any) -> Any:
        if not heard["first_weights"]:
            heard["first_weights"].extend(np.concatenate([w.ravel() for w in model.get_weights()]))
        heard["fit_pixels"].append(pixels)
        heard["fit_targets"].append(targets)
        return fit(model, pixels, targets, **options)

    def heard_predict(model: Any, pixels: Any, **options: Any) -> Any:
        heard["predict_pixels"].append(pixels)
        return predict(model, pixels, **options)

    with (
        mock.patch.object(tf.keras.Model, "fit", heard_fit),
        mock.patch.object(tf.keras.Model, "predict", heard_predict),
    ):
        yield heard
