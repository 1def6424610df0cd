"""Training a network from scratch on labelled images."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from bench import networks
from bench.build.recipe import NOT_HASHED
from bench.networks import keras
from bench.spec import Kind, Step, Toolchain, Workplace
from bench.steps import images, trained, training
from bench.steps.trained import Network
from bench.steps.training import Schedule


@dataclass(frozen=True, slots=True)
class Train:
    """Train a network on the train split with cross-entropy on its logits."""

    images: Step
    network: Network
    schedule: Schedule
    expected_seconds: float = field(default=60.0, metadata=NOT_HASHED)

    toolchain: ClassVar[Toolchain] = "tensorflow"
    kind: ClassVar[Kind] = "train"
    packages: ClassVar[tuple[str, ...]] = ("tensorflow", "tf-keras", "numpy")
    seeded: ClassVar[bool] = True

    @property
    def code(self) -> tuple[str, ...]:
        """The training loop and the network."""
        return (*trained.CODE, networks.module_name(self.network.name))

    def label(self) -> str:
        """Name the network."""
        width = self.network.width
        return self.network.name + ("" if width == 1.0 else f" of width {width}")

    def title(self) -> str:
        """Name the network."""
        return f"training {self.label()}"

    def cost(self) -> float:
        """Expected seconds."""
        return self.expected_seconds

    def run(self, place: Workplace) -> None:
        """Write the trained network."""
        pixels, labels = images.training_images(place.inputs[0])
        rng = training.set_seed(place.seed)
        model = self.network.build()
        loss = keras().losses.SparseCategoricalCrossentropy(from_logits=True)
        training.compile_for(model, self.schedule, len(pixels), loss)
        if self.schedule.views:
            seen = training.views(pixels, self.schedule, place.seed)
            targets = [labels] * len(seen)
            training.fit(model, seen, targets, self.schedule, rng, place.advance)
        else:
            training.fit(model, pixels, labels, self.schedule, rng, place.advance)
        _check_finite(model)
        trained.save(place.out, self.network, model)


def _check_finite(model: object) -> None:
    weights = model.get_weights()  # type: ignore[attr-defined]
    if not all(np.isfinite(array).all() for array in weights):
        raise FloatingPointError("Training ended with weights that are not numbers.")
