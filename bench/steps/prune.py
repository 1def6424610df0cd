"""Magnitude pruning with tensorflow-model-optimization, during a fine-tuning.

The toolkit updates its masks every 100 steps unless told otherwise, so a short fine-tuning ends
with nothing pruned and no error; the updates are therefore spread over the training here, and the
zeros are counted before anything is stored. After a kill it goes on from its last epoch.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from bench.build.recipe import NOT_HASHED
from bench.networks import keras
from bench.spec import Kind, Step, Toolchain, Workplace
from bench.steps import epochs_kept, images, trained, training
from bench.steps.training import Schedule

RAMP_SHARE = 0.6
"""The share of the fine-tuning over which the sparsity rises; the rest repairs the accuracy."""

MASK_UPDATES = 4
"""How often the masks are computed on the way: each costs seconds on a network of 23 million."""

TOLERANCE = 0.005
"""How far under its target the share of zeros may end: masks hold whole numbers of weights."""


@dataclass(frozen=True, slots=True)
class Prune:
    """Fine-tune a trained network while its smallest weights are set to zero.

    Convolutions and dense layers are pruned, one mask each; depthwise convolutions, which hold
    few weights and lose much, are not.
    """

    source: Step
    images: Step
    sparsity: float
    schedule: Schedule
    expected_seconds: float = field(default=60.0, metadata=NOT_HASHED)

    toolchain: ClassVar[Toolchain] = "tensorflow"
    kind: ClassVar[Kind] = "train"
    packages: ClassVar[tuple[str, ...]] = (
        "tensorflow",
        "tf-keras",
        "tensorflow-model-optimization",
        "numpy",
    )
    seeded: ClassVar[bool] = True
    code: ClassVar[tuple[str, ...]] = (*trained.CODE, "bench.steps.epochs_kept")

    def label(self) -> str:
        """Name the network and its sparsity."""
        return f"{self.source.label()} pruned to {self.sparsity:.0%}"

    def title(self) -> str:
        """Say how much."""
        return f"pruning {self.source.label()} to {self.sparsity:.0%} zeros"

    def cost(self) -> float:
        """Expected seconds."""
        return self.expected_seconds

    def run(self, place: Workplace) -> None:
        """Write the pruned network, its wrappers stripped, and the names of the pruned layers."""
        import tensorflow_model_optimization as tfmot

        pixels, labels = images.training_images(place.inputs[1])
        rng = training.set_seed(place.seed)
        network, model = trained.load(place.inputs[0])
        total = self.schedule.epochs * training.steps_per_epoch(len(pixels), self.schedule.batch)
        ramp = max(MASK_UPDATES, int(RAMP_SHARE * total))
        decay = tfmot.sparsity.keras.PolynomialDecay(
            initial_sparsity=0.0,
            final_sparsity=self.sparsity,
            begin_step=0,
            end_step=ramp,
            frequency=ramp // MASK_UPDATES,
        )
        pruned_layers: list[str] = []

        def wrap(layer: Any) -> Any:
            if not _prunable(layer):
                return layer
            pruned_layers.append(layer.name)
            return tfmot.sparsity.keras.prune_low_magnitude(layer, pruning_schedule=decay)

        wrapped = keras().models.clone_model(model, clone_function=wrap)
        loss = keras().losses.SparseCategoricalCrossentropy(from_logits=True)
        training.compile_for(wrapped, self.schedule, len(pixels), loss)
        epochs_kept.fit(
            wrapped,
            pixels,
            labels,
            self.schedule,
            rng,
            place,
            callbacks=[tfmot.sparsity.keras.UpdatePruningStep()],
        )
        stripped = tfmot.sparsity.keras.strip_pruning(wrapped)
        _check_zeros(stripped, pruned_layers, self.sparsity)
        trained.save(place.out, network, stripped, {"pruned_layers": pruned_layers})


def _prunable(layer: Any) -> bool:
    """Tell convolutions and dense layers; a depthwise convolution is a Conv2D to Keras too."""
    layers = keras().layers
    return type(layer) in (layers.Conv2D, layers.Dense)


def _check_zeros(model: Any, names: list[str], target: float) -> None:
    kernels = [model.get_layer(name).get_weights()[0] for name in names]
    zeros = sum(int(np.count_nonzero(kernel == 0)) for kernel in kernels)
    share = zeros / sum(kernel.size for kernel in kernels)
    if share < target - TOLERANCE:
        raise ValueError(
            f"Pruning ended with {share:.1%} zeros instead of {target:.0%}: "
            "the masks were not updated often enough for so short a training."
        )
