"""The training loop that every step which trains a network shares.

Stochastic gradient descent with momentum, a short warm-up and a cosine decay; images shifted by a
few pixels. Deterministic for a seed: the order, the shifts and TensorFlow's own operations.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from bench.networks import keras
from bench.spec import Advance, Pixels

WARM_UP_SHARE = 0.1
MOMENTUM = 0.9


@dataclass(frozen=True, slots=True)
class Schedule:
    """How long and how fast a network is trained.

    `views` is the number of fixed, differently shifted copies of the training images that epochs
    take in turn (a teacher can then answer each once); 0 shifts anew in every epoch.
    """

    epochs: int
    batch: int
    learning_rate: float
    shift: int = 2
    views: int = 0


def set_seed(seed: int) -> np.random.Generator:
    """Make TensorFlow and the returned generator repeat themselves for this seed."""
    import tensorflow as tf

    tf.config.experimental.enable_op_determinism()
    keras().utils.set_random_seed(seed)
    return np.random.default_rng(seed)


def shifted(images: Pixels, by: int, rng: np.random.Generator) -> Pixels:
    """Return a copy with each image moved by up to `by` pixels each way, black moving in."""
    height, width = images.shape[1:3]
    padded = np.pad(images, ((0, 0), (by, by), (by, by), (0, 0)))
    moved = np.empty_like(images)
    for index, (top, left) in enumerate(rng.integers(0, 2 * by + 1, (len(images), 2))):
        moved[index] = padded[index, top : top + height, left : left + width]
    return moved


def views(images: Pixels, schedule: Schedule, seed: int) -> list[Pixels]:
    """Return the fixed views of the training images; the same for every step with this seed."""
    rng = np.random.default_rng([seed, schedule.views])
    return [shifted(images, schedule.shift, rng) for _ in range(schedule.views)]


def compile_for(model: Any, schedule: Schedule, images: int, loss: Any) -> None:
    """Compile a model for one training by `fit`."""
    total = schedule.epochs * steps_per_epoch(images, schedule.batch)
    warm_up = max(1, int(WARM_UP_SHARE * total))
    rate = keras().optimizers.schedules.CosineDecay(
        schedule.learning_rate / 10,
        total - warm_up,
        warmup_target=schedule.learning_rate,
        warmup_steps=warm_up,
    )
    model.compile(keras().optimizers.SGD(rate, momentum=MOMENTUM, nesterov=True), loss)


def steps_per_epoch(images: int, batch: int) -> int:
    """Return the number of whole batches; a smaller last one would upset batch norm."""
    if images < batch:
        raise ValueError(f"{images} training images do not fill a batch of {batch}.")
    return images // batch


def fit(  # noqa: PLR0913, PLR0917 - a training is all of this
    model: Any,
    images: Pixels | Sequence[Pixels],
    targets: npt.NDArray[Any] | Sequence[npt.NDArray[Any]],
    schedule: Schedule,
    rng: np.random.Generator,
    advance: Advance,
    *,
    callbacks: Sequence[Any] = (),
) -> float:
    """Train a compiled model; returns the last epoch's mean loss.

    Args:
        model: compiled with `compile_for`.
        images: raw pixels, or a list of fixed views of them, taken in turn.
        targets: what the loss compares with, one row an image, or a list of one array a view.
        schedule: epochs, batch and shift.
        rng: orders the images and shifts them.
        advance: told after every batch.
        callbacks: further Keras callbacks.

    Raises:
        FloatingPointError: where the loss stops being a number.
    """
    fixed = isinstance(images, list)
    count = len(images[0]) if fixed else len(images)
    steps = steps_per_epoch(count, schedule.batch)
    loss = float("nan")
    for epoch in range(schedule.epochs):
        chosen = rng.permutation(count)[: steps * schedule.batch]
        if fixed:
            turn = epoch % len(images)
            batch_images, batch_targets = images[turn][chosen], targets[turn][chosen]
        else:
            batch_images = shifted(np.asarray(images)[chosen], schedule.shift, rng)
            batch_targets = np.asarray(targets)[chosen]
        report = _Report(advance, epoch, steps, schedule.epochs)
        history = model.fit(
            batch_images.astype(np.float32),
            batch_targets,
            batch_size=schedule.batch,
            shuffle=False,
            verbose=0,
            callbacks=[*callbacks, keras().callbacks.LambdaCallback(on_batch_end=report)],
        )
        loss = float(history.history["loss"][-1])
        if not np.isfinite(loss):
            raise FloatingPointError(f"The loss became {loss} in epoch {epoch + 1}.")
    return loss


@dataclass(frozen=True, slots=True)
class _Report:
    """Keras's end of a batch as progress in epochs."""

    advance: Advance
    epoch: int
    steps: int
    epochs: int

    def __call__(self, batch: int, logs: Any) -> None:  # noqa: ARG002 - Keras passes it by name
        done = self.epoch + (batch + 1) / self.steps
        self.advance(done, self.epochs, f"epoch {self.epoch + 1} of {self.epochs}")
