"""Transfer learning: a network trained on ImageNet learns other classes.

What frozen layers make of the images is computed once and kept, so an epoch costs only the layers
that learn.
"""

from __future__ import annotations

import dataclasses
import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from slimbench.networks import keras, weights
from slimbench.networks.building_blocks import FEATURES
from slimbench.networks.weights import Network
from slimbench.spec import Labels, Pixels, Step, TrainingStep, Workplace
from slimbench.steps import images, training
from slimbench.steps.training import Batch, Schedule

CHUNK = 500
"""Images whose layers' output is computed at a time."""

HEAD_LAYERS = frozenset({"logits", "hidden"})
"""The layers that a network has beyond what was trained on ImageNet."""


@dataclass(frozen=True, slots=True)
class FineTune(TrainingStep):
    """Train a new head on frozen features, then it and all layers above a cut together.

    Without a `schedule` the head alone learns. Batch norm stays as it was trained: statistics of
    few or differently blurred images would undo what the weights around it expect.
    """

    source: Step
    images: Step
    network: Network
    head: Schedule
    schedule: Schedule | None = None
    cut: str = FEATURES

    action: ClassVar[str] = "fine-tuning"

    def versions(self) -> dict[str, str]:
        """Return also the network's."""
        return {**TrainingStep.versions(self), **self.network.versions()}

    def label(self) -> str:
        """Name the network."""
        return self.network.name

    def title(self) -> str:
        """Say what is trained."""
        if self.schedule is None:
            return f"training the head of {self.label()}"
        return TrainingStep.title(self)

    def run(self, place: Workplace) -> None:
        """Write the network and its score on the validation images."""
        pixels, labels = images.training_images(place.inputs[1])
        validation, validation_labels = images.validation_images(place.inputs[1])
        training.set_seed(place.seed)
        model = _with_weights(self.network, place.inputs[0])
        freeze_batch_norm(model)
        below, above = split(model, self.cut)
        schedule = self.schedule or self.head
        views = frozen_outputs(below, pixels, schedule, place)
        score = training.scorer(above, outputs(below, validation), validation_labels)
        self._train_head(model, views, labels, place)
        if self.schedule:
            training.fit(
                above,
                self.schedule,
                lambda epoch: (views[schedule.view_of(epoch)], labels),
                place,
                images=len(labels),
                score=score,
            )
        remove_frozen_outputs(place)
        weights.save(place.out, self.network, model, {"validation_top1": score()})

    def _train_head(
        self,
        model: Any,
        views: list[npt.NDArray[np.float16]],
        labels: Labels,
        place: Workplace,
    ) -> None:
        """Train the layers after the averaged features, everything else as it was."""
        averaged = model.get_layer(FEATURES).output
        head = keras().Model(averaged, model.output)

        @functools.cache
        def features(number: int) -> npt.NDArray[Any]:
            if self.cut == FEATURES:
                return views[number]
            between = keras().Model(model.get_layer(self.cut).output, averaged)
            stored = np.asarray(views[number], np.float32)
            computed: npt.NDArray[Any] = between.predict(stored, batch_size=250, verbose=0)
            return computed

        def epoch_data(epoch: int) -> Batch:
            return features(epoch % len(views)), labels

        resume = None if place.resume is None else place.resume / "head"
        training.fit(
            head,
            self.head,
            epoch_data,
            dataclasses.replace(place, resume=resume),
            images=len(labels),
        )


def freeze_batch_norm(model: Any) -> None:
    """Keep the statistics and scales of a model's batch norm as they are."""
    for layer in model.layers:
        if isinstance(layer, keras().layers.BatchNormalization):
            layer.trainable = False


def split(model: Any, cut: str) -> tuple[Any, Any]:
    """Return what comes before the end of a layer and what comes after it, sharing weights."""
    between = model.get_layer(cut).output
    return keras().Model(model.input, between), keras().Model(between, model.output)


def outputs(model: Any, pixels: Pixels) -> npt.NDArray[np.float16]:
    """Return a model's output for raw pixels in half precision, computed in parts."""
    parts = [_output(model, pixels[start : start + CHUNK]) for start in _starts(pixels)]
    return np.concatenate(parts)


def frozen_outputs(
    below: Any, pixels: Pixels, schedule: Schedule, place: Workplace
) -> list[npt.NDArray[np.float16]]:
    """Return the output of frozen layers for every view of the images, kept on the disk."""
    folder: Path = place.resume or place.out

    def compute(number: int) -> npt.NDArray[np.float16]:
        seen = training.view(pixels, number, place.seed, schedule.augmentation)
        parts = []
        for start in _starts(seen):
            parts.append(_output(below, seen[start : start + CHUNK]))
            done = number + min(1.0, (start + CHUNK) / len(seen))
            note = f"frozen layers, view {number + 1} of {schedule.views}"
            place.advance(done, schedule.views, note)
        return np.concatenate(parts)

    return [
        training.stored_array(folder / f"view_{number}.npy", functools.partial(compute, number))
        for number in range(schedule.views)
    ]


def remove_frozen_outputs(place: Workplace) -> None:
    """Take what `frozen_outputs` kept out of the result, where there was no folder to resume."""
    for stored in place.out.glob("view_*.npy"):
        stored.unlink()


def _with_weights(network: Network, source: Path) -> Any:
    """Build a network, its layers of the source's names having the source's weights."""
    _, pretrained = weights.load(source)
    trained = {layer.name: layer.get_weights() for layer in pretrained.layers if layer.weights}
    model = network.build()
    new = {layer.name for layer in model.layers if layer.weights} - trained.keys()
    if unexpected := new - HEAD_LAYERS:
        raise ValueError(f"{network.name} has layers without weights: {sorted(unexpected)}.")
    for layer in model.layers:
        if layer.weights and layer.name not in new and layer.name != "logits":
            layer.set_weights(trained[layer.name])
    return model


def _starts(pixels: Pixels) -> range:
    return range(0, len(pixels), CHUNK)


def _output(model: Any, pixels: Pixels) -> npt.NDArray[np.float16]:
    answers = model.predict(pixels.astype(np.float32), batch_size=100, verbose=0)
    return np.asarray(answers).astype(np.float16)
