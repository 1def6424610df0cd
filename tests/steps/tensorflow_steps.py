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
from scipy.special import softmax

from slimbench.networks import weights
from slimbench.networks.weights import WEIGHTS_FILE, Network
from slimbench.spec import EVALUATION_FILE, Splits, Step, Toolchain, Workplace
from slimbench.steps import images
from slimbench.steps.distill import Distill, distillation_loss, pack
from slimbench.steps.train import Train
from slimbench.steps.training import Schedule

SHAPE = (16, 16, 3)
CLASSES = 3
"""Red, green and blue."""


@dataclass(frozen=True, slots=True)
class Plain(Step):
    """What a step needs besides what it does."""

    def label(self) -> str:
        return type(self).__name__

    def title(self) -> str:
        return type(self).__name__


@dataclass(frozen=True, slots=True)
class Colours(Plain):
    """Noise in which one colour, the class, is brighter: a data set after `Images`."""

    training: int

    def run(self, place: Workplace) -> None:
        rng = np.random.default_rng(0)
        splits = Splits(coloured(rng, self.training), coloured(rng, 12), coloured(rng, 30))
        images.save_splits(place.out, "colours", splits, ("red", "green", "blue"))


def coloured(rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    labels = np.arange(count, dtype=np.int64) % CLASSES
    pixels = rng.integers(0, 160, (count, *SHAPE))
    pixels[np.arange(count), ..., labels] += 95
    return pixels.astype(np.uint8), labels


def evaluation_split(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return the test split of an artifact of images."""
    with np.load(folder / EVALUATION_FILE) as split:
        return split["images"], split["labels"]


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
        _, model = weights.load(place.inputs[0])
        pixels, _ = evaluation_split(place.inputs[1])
        np.save(place.out / "answers.npy", softmax(weights.logits(model, pixels), axis=-1))


@dataclass(frozen=True, slots=True)
class ArraysByLayer(OfTensorFlow):
    """A network's arrays under names as `stem/kernel:0`, which files of weights do not have."""

    source: Step

    def run(self, place: Workplace) -> None:
        _, model = weights.load(place.inputs[0])
        arrays = {
            f"{layer.name}/{weight.name.split('/')[-1]}": weight.numpy()
            for layer in model.layers
            for weight in layer.weights
        }
        np.savez(place.out / WEIGHTS_FILE, **arrays)


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
    """The distillation's loss of each of some random answers, with labels and without."""

    temperature: float
    alpha: float

    def run(self, place: Workplace) -> None:
        labels, teacher, student = answers()
        loss = distillation_loss(self.temperature, self.alpha)
        np.save(place.out / "losses.npy", np.asarray(loss(pack(labels, teacher), student)))
        unknown = pack(np.full_like(labels, -1), teacher)
        np.save(place.out / "unlabelled.npy", np.asarray(loss(unknown, student)))


def answers() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return labels, and logits of a teacher and of a student."""
    rng = np.random.default_rng(1)
    teacher, student = rng.normal(0, 4, (2, 20, 5)).astype(np.float32)
    return rng.integers(0, 5, 20), teacher, student


@dataclass(frozen=True, slots=True)
class Shown(OfTensorFlow):
    """All that Keras is given while a student is distilled from a live teacher, and one trained."""

    images: Step
    source: Step
    network: Network
    schedule: Schedule

    def run(self, place: Workplace) -> None:
        pictures, source = place.inputs
        distill = Distill(self.images, self.source, self.network, self.schedule, 1.0, 0.5)
        train = Train(self.images, self.network, self.schedule)
        distilled = self._given(distill, (pictures, source), place, "distilled")
        scratch = self._given(train, (pictures,), place, "scratch")
        _, model = weights.load(source)
        answers = [weights.logits(model, batch) for batch in distilled["fit_pixels"]]
        np.savez(
            place.out / "shown.npz",
            asked=distilled["predict_pixels"],
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
