"""Steps that end prunings, and a small training, before their time, and run them again."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.networks import keras
from bench.spec import Labels, Pixels, Step, Workplace
from bench.steps import epochs_kept, images, training
from bench.steps.long_training import CHECKPOINT, LongSchedule
from bench.steps.prune import Prune
from bench.steps.prune_top import PruneTop
from bench.steps.training import Schedule
from tests.steps.long_steps import killed_then_run
from tests.steps.tensorflow_steps import CLASSES, OfTensorFlow


@dataclass(frozen=True, slots=True)
class InterruptedPrune(OfTensorFlow):
    """A pruning of half the weights that is killed in its second epoch, and the same run again."""

    source: Step
    images: Step
    schedule: Schedule

    def run(self, place: Workplace) -> None:
        killed_then_run(Prune(self.source, self.images, 0.5, self.schedule), place)


@dataclass(frozen=True, slots=True)
class InterruptedTop(OfTensorFlow):
    """The same above a cut."""

    source: Step
    images: Step
    schedule: LongSchedule
    cut: str

    def run(self, place: Workplace) -> None:
        killed_then_run(PruneTop(self.source, self.images, 0.5, self.schedule, self.cut), place)


@dataclass(frozen=True, slots=True)
class Found(OfTensorFlow):
    """How a small training ends, and what it tells first, for each file that it finds."""

    images: Step

    def run(self, place: Workplace) -> None:
        shown = images.training_images(place.inputs[0])
        resume = place.out / "resume"
        resume.mkdir()
        file = resume / CHECKPOINT
        fitted(shown, place, resume, hidden=5)
        another = file.read_bytes()
        file.unlink()
        fitted(shown, place, resume, epochs=3)
        longer = file.read_bytes()
        file.unlink()
        with contextlib.suppress(FloatingPointError):
            fitted(shown, place, resume, rate=1e30)
        (place.out / "kept_without_a_number").write_text(str(file.exists()))
        ends = {
            "at one go": fitted(shown, place, None, at_one_go=True),
            "nowhere": fitted(shown, place, None),
            "nothing": fitted(shown, place, resume),
        }
        whole = file.read_bytes()
        flipped = bytearray(whole)
        flipped[len(whole) // 2] ^= 1
        found = {
            "finished": whole,
            "empty": b"",
            "short": whole[:-100],
            "flipped": bytes(flipped),
            "another network": another,
            "longer": longer,
        }
        for name, content in found.items():
            file.write_bytes(content)
            ends[name] = fitted(shown, place, resume)
        np.savez(place.out / "ends.npz", **{name: weights for name, (weights, _) in ends.items()})
        told = {name: told for name, (_, told) in ends.items()}
        (place.out / "told.json").write_text(json.dumps(told), encoding="utf-8")


def fitted(
    shown: tuple[Pixels, Labels],
    place: Workplace,
    resume: Path | None,
    *,
    hidden: int = 4,
    epochs: int = 2,
    rate: float = 0.01,
    at_one_go: bool = False,
) -> tuple[np.ndarray, list[str]]:
    """Return the weights of a small network after its training, and what that told.

    `at_one_go` trains it with the loop that keeps nothing.
    """
    told: list[str] = []

    def listening(_: float, __: float, note: str = "") -> None:
        told.append(note)

    rng = training.set_seed(place.seed)
    layers = keras().layers
    pixels, labels = shown
    model = keras().Sequential(
        [
            layers.Rescaling(1 / 255, input_shape=pixels.shape[1:]),
            layers.GlobalAveragePooling2D(),
            layers.Dense(hidden),
            layers.Dense(CLASSES),
        ]
    )
    schedule = Schedule(epochs, 12, rate)
    loss = keras().losses.SparseCategoricalCrossentropy(from_logits=True)
    training.compile_for(model, schedule, len(pixels), loss)
    views, targets = [pixels, pixels // 2], [labels, labels]
    if at_one_go:
        training.fit(model, views, targets, schedule, rng, listening)
    else:
        here = Workplace((), place.out, place.seed, listening, resume)
        epochs_kept.fit(model, views, targets, schedule, rng, here)
    return np.concatenate([array.ravel() for array in model.get_weights()]), told
