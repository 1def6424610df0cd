"""Trainings of many minutes, which a kill sets back by one epoch at most.

Weights and the optimiser's state are kept after every epoch. Each epoch depends on the seed and
its own number alone, so a training that was interrupted ends with the same weights. Dropout, which
the students lack and the transfers have, is the exception: TensorFlow hides how far it has drawn.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from bench.networks import keras
from bench.spec import Labels, Workplace

WARM_UP_SHARE = 0.05
MOMENTUM = 0.9
WEIGHT_DECAY = 5e-4

CHECKPOINT = "epoch.npz"

Batch = tuple[npt.NDArray[Any], npt.NDArray[Any]]


@dataclass(frozen=True, slots=True)
class LongSchedule:
    """How long and how fast: a warm-up, then a cosine decay.

    `sgd` has Nesterov momentum and weight decay, `adam` neither. Epochs take `views` differently
    shifted and mirrored copies of the images in turn.
    """

    epochs: int
    batch: int
    learning_rate: float
    views: int = 8
    optimizer: Literal["sgd", "adam"] = "sgd"


def compile_for(model: Any, schedule: LongSchedule, images: int, loss: Any) -> None:
    """Compile a model for one training by `train`."""
    total = schedule.epochs * (images // schedule.batch)
    warm_up = max(1, int(WARM_UP_SHARE * total))
    optimizers = keras().optimizers
    rate = optimizers.schedules.CosineDecay(
        schedule.learning_rate / 100,
        total - warm_up,
        warmup_target=schedule.learning_rate,
        warmup_steps=warm_up,
    )
    if schedule.optimizer == "adam":
        model.compile(optimizers.Adam(rate), loss)
    else:
        sgd = optimizers.SGD(rate, momentum=MOMENTUM, nesterov=True, weight_decay=WEIGHT_DECAY)
        model.compile(sgd, loss)


def train(  # noqa: PLR0913 - a training is all of this
    model: Any,
    schedule: LongSchedule,
    epoch_data: Callable[[int], Batch],
    place: Workplace,
    *,
    order: Sequence[int] = (),
    score: Callable[[], float] | None = None,
) -> float | None:
    """Train a compiled model, from its last finished epoch where there is one.

    Args:
        model: compiled with `compile_for`.
        schedule: of which epochs and batch count here.
        epoch_data: the images (any type that float32 holds) and targets of an epoch, unshuffled.
        place: where progress is told and kept.
        order: further numbers that, with the seed, decide the order of the images.
        score: the share of validation images that are right, told after each epoch.

    Returns:
        The last score.

    Raises:
        FloatingPointError: The loss stopped being a number.
    """
    optimizer = model.optimizer
    optimizer.build(model.trainable_variables)
    first, right = _restore(model, optimizer, place.resume)
    for epoch in range(first, schedule.epochs):
        images, targets = epoch_data(epoch)
        steps = len(images) // schedule.batch
        if steps == 0:
            raise ValueError(f"{len(images)} images do not fill a batch of {schedule.batch}.")
        rng = np.random.default_rng([place.seed, *order, epoch])
        chosen = rng.permutation(len(images))[: steps * schedule.batch]
        told = _Told(place, epoch, steps, schedule.epochs, right)
        history = model.fit(
            images[chosen].astype(np.float32),
            targets[chosen],
            batch_size=schedule.batch,
            shuffle=False,
            verbose=0,
            callbacks=[keras().callbacks.LambdaCallback(on_batch_end=told)],
        )
        loss = float(history.history["loss"][-1])
        if not np.isfinite(loss):
            raise FloatingPointError(f"The loss became {loss} in epoch {epoch + 1}.")
        right = score() if score else None
        _keep(model, optimizer, place.resume, epoch + 1, right)
    return right


def scorer(model: Any, images: npt.NDArray[Any], labels: Labels) -> Callable[[], float]:
    """Return what counts a model's right answers among validation images."""

    def right() -> float:
        answers = model.predict(images.astype(np.float32), batch_size=250, verbose=0)
        return float((answers.argmax(axis=1) == labels).mean())

    return right


def _keep(model: Any, optimizer: Any, folder: Path | None, done: int, right: float | None) -> None:
    if folder is None:
        return
    arrays = {f"w{i:04}": array for i, array in enumerate(model.get_weights())}
    arrays |= {f"o{i:04}": each.numpy() for i, each in enumerate(optimizer.variables)}
    partial = folder / f"partial-{CHECKPOINT}"
    with partial.open("wb") as file:
        np.savez(file, done=done, right=np.nan if right is None else right, **arrays)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(folder / CHECKPOINT)


def _restore(model: Any, optimizer: Any, folder: Path | None) -> tuple[int, float | None]:
    """Return how many epochs are done, and the score after them."""
    path = None if folder is None else folder / CHECKPOINT
    if path is None or not path.is_file():
        return 0, None
    with np.load(path) as kept:
        model.set_weights([kept[name] for name in sorted(kept.files) if name[0] == "w"])
        states = [kept[name] for name in sorted(kept.files) if name[0] == "o"]
        for variable, state in zip(optimizer.variables, states, strict=True):
            variable.assign(state)
        right = float(kept["right"])
        return int(kept["done"]), None if np.isnan(right) else right


@dataclass(frozen=True, slots=True)
class _Told:
    """Keras's end of a batch as progress in epochs."""

    place: Workplace
    epoch: int
    steps: int
    epochs: int
    right: float | None

    def __call__(self, batch: int, logs: Any) -> None:  # noqa: ARG002 - Keras passes it by name
        done = self.epoch + (batch + 1) / self.steps
        so_far = "" if self.right is None else f", {self.right:.1%} of validation right"
        self.place.advance(done, self.epochs, f"epoch {self.epoch + 1} of {self.epochs}{so_far}")
