"""The loop of `training` epoch by epoch, each kept: a kill sets a pruning back by one at most.

Unlike `long_training`, which draws each epoch's order from the epoch's number, that loop draws them
all from one generator; hence the generator's state is kept too.
"""

from __future__ import annotations

import dataclasses
import json
import os
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bench.spec import Pixels, Workplace
from bench.steps import training
from bench.steps.long_training import CHECKPOINT
from bench.steps.training import Schedule

_UNREADABLE = (OSError, EOFError, KeyError, TypeError, ValueError, RuntimeError, zipfile.BadZipFile)
"""What reading a file raises that is not there, is damaged or was written by something else."""


def fit(  # noqa: PLR0913, PLR0917 - a training is all of this
    model: Any,
    images: Pixels | Sequence[Pixels],
    targets: npt.NDArray[Any] | Sequence[npt.NDArray[Any]],
    schedule: Schedule,
    rng: np.random.Generator,
    place: Workplace,
    *,
    callbacks: Sequence[Any] = (),
) -> None:
    """Train as `training.fit` does, from the last finished epoch where one was kept.

    An interrupted training ends with the weights of one that was not, if the network has no
    dropout: TensorFlow hides how far that has drawn, so what it leaves out differs after a kill.

    Args:
        model: compiled for the whole schedule. All that changes while it learns must be among its
            and its optimiser's weights, as the masks of the pruning toolkit and their step are.
        images: as `training.fit` takes them.
        targets: as `training.fit` takes them.
        schedule: epochs, batch and shift.
        rng: as it is before the first epoch; orders the images and shifts them.
        place: where progress is told and kept.
        callbacks: further Keras callbacks.

    Raises:
        FloatingPointError: where the loss stops being a number.
    """
    model.optimizer.build(model.trainable_variables)
    one_epoch = dataclasses.replace(schedule, epochs=1)
    for epoch in range(_restore(model, rng, place.resume, schedule.epochs), schedule.epochs):
        try:
            training.fit(
                model,
                _in_turn(images, epoch),
                _in_turn(targets, epoch),
                one_epoch,
                rng,
                _Told(place, epoch, schedule.epochs),
                callbacks=callbacks,
            )
        except FloatingPointError as error:  # which counts from where it was begun
            raise FloatingPointError(f"The loss is no number in epoch {epoch + 1}.") from error
        _keep(model, rng, place.resume, epoch + 1)


def _in_turn(views: Any, epoch: int) -> Any:
    """Return a list of the one view that an epoch shows; what is no list is the same in all."""
    return [views[epoch % len(views)]] if isinstance(views, list) else views


def _variables(model: Any) -> list[Any]:
    return [*model.weights, *model.optimizer.variables]


def _keep(model: Any, rng: np.random.Generator, folder: Path | None, done: int) -> None:
    if folder is None:
        return
    arrays = {f"{i:04}": variable.numpy() for i, variable in enumerate(_variables(model))}
    state = json.dumps(rng.bit_generator.state)
    partial = folder / f"partial-{CHECKPOINT}"
    with partial.open("wb") as file:
        np.savez(file, done=done, rng=state, **arrays)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(folder / CHECKPOINT)


def _restore(model: Any, rng: np.random.Generator, folder: Path | None, epochs: int) -> int:
    """Return how many epochs are done; where nothing fits, none are and nothing is changed."""
    if folder is None:
        return 0
    variables = _variables(model)
    try:
        with np.load(folder / CHECKPOINT) as kept:
            done, state = int(kept["done"]), json.loads(str(kept["rng"]))
            arrays = [kept[name] for name in sorted({*kept.files} - {"done", "rng"})]
        forms = [(array.shape, array.dtype) for array in arrays]
        if forms != [(tuple(each.shape), each.dtype.as_numpy_dtype) for each in variables]:
            return 0
        if not 0 < done <= epochs:
            return 0
        rng.bit_generator.state = state
    except _UNREADABLE:
        return 0
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)
    return done


@dataclass(frozen=True, slots=True)
class _Told:
    """The progress of one epoch as that of the whole training."""

    place: Workplace
    epoch: int
    epochs: int

    def __call__(self, done: float, total: float, note: str = "") -> None:  # noqa: ARG002 - of one
        note = f"epoch {self.epoch + 1} of {self.epochs}"
        self.place.advance(self.epoch + done, self.epochs, note)
