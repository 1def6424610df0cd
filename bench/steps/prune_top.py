"""Pruning of a fine-tuned network, layer by layer, above a cut.

The toolkit cannot prune every network as a whole: EfficientNet has layers that it does not know.
What is below the cut stays as it is and is computed once; it holds a small part of the weights.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from bench.build.recipe import NOT_HASHED
from bench.networks import keras
from bench.spec import Kind, Step, Toolchain, Workplace
from bench.steps import epochs_kept, images, long_training, prune, trained, training, transfer
from bench.steps.long_training import LongSchedule
from bench.steps.training import Schedule


@dataclass(frozen=True, slots=True)
class PruneTop:
    """Fine-tune the layers above a cut while their smallest weights are set to zero.

    Convolutions and dense layers are pruned, one mask each, as `Prune` does; batch norm stays as it
    is, as in `FineTune`.
    """

    source: Step
    images: Step
    sparsity: float
    schedule: LongSchedule
    cut: str
    expected_seconds: float = field(default=900.0, metadata=NOT_HASHED)

    toolchain: ClassVar[Toolchain] = "tensorflow"
    kind: ClassVar[Kind] = "train"
    packages: ClassVar[tuple[str, ...]] = (
        "tensorflow",
        "tf-keras",
        "tensorflow-model-optimization",
        "numpy",
    )
    seeded: ClassVar[bool] = True
    code: ClassVar[tuple[str, ...]] = (
        *transfer.CODE,
        "bench.steps.epochs_kept",
        "bench.steps.prune",
        "bench.steps.transfer",
    )

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
        """Write the pruned network and the names of the pruned layers."""
        import tensorflow_model_optimization as tfmot

        pixels, labels = images.training_images(place.inputs[1])
        rng = training.set_seed(place.seed)
        network, model = trained.load(place.inputs[0])
        transfer._freeze_batch_norm(model)
        below, above = transfer._split(model, self.cut)
        folder: Path = place.resume or place.out
        views = self.schedule.views
        shown: list[Any] = [
            transfer._stored(folder, f"view_{number}", below, place, number, views, pixels)
            for number in range(views)
        ]
        wrapped, names = self._wrapped(above, len(pixels))
        loss = keras().losses.SparseCategoricalCrossentropy(from_logits=True)
        long_training.compile_for(wrapped, self.schedule, len(pixels), loss)
        epochs_kept.fit(
            wrapped,
            shown,
            [labels] * views,
            Schedule(self.schedule.epochs, self.schedule.batch, self.schedule.learning_rate),
            rng,
            place,
            callbacks=[tfmot.sparsity.keras.UpdatePruningStep()],
        )
        prune._check_zeros(model, names, self.sparsity)
        validation, validation_labels = images.validation_images(place.inputs[1])
        score = long_training.scorer(model, validation, validation_labels)
        for stored in place.out.glob("view_*.npy"):
            stored.unlink()
        notes = {
            **trained.read_notes(place.inputs[0]),
            "validation_top1": score(),
            "pruned_layers": names,
        }
        trained.save(place.out, network, model, notes)

    def _wrapped(self, above: Any, count: int) -> tuple[Any, list[str]]:
        """Return the layers above the cut ready to be pruned, and the names of those that will be.

        Wrappers share their weights with the layers that they wrap.
        """
        import tensorflow_model_optimization as tfmot

        total = self.schedule.epochs * training.steps_per_epoch(count, self.schedule.batch)
        ramp = max(prune.MASK_UPDATES, int(prune.RAMP_SHARE * total))
        decay = tfmot.sparsity.keras.PolynomialDecay(
            initial_sparsity=0.0,
            final_sparsity=self.sparsity,
            begin_step=0,
            end_step=ramp,
            frequency=ramp // prune.MASK_UPDATES,
        )
        names: list[str] = []

        def wrap(layer: Any) -> Any:
            if not prune._prunable(layer):
                return layer
            names.append(layer.name)
            return tfmot.sparsity.keras.prune_low_magnitude(layer, pruning_schedule=decay)

        return keras().models.clone_model(above, clone_function=wrap), names
