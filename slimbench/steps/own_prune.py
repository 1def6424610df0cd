"""Magnitude pruning of a user's own Keras model: at one stroke, or repaired by fine-tuning.

The toolkit that prunes the suite's networks knows Keras 2 alone and wraps every layer. Here the
smallest weights of each layer are set to zero, and kept there while the rest is trained further
where there are images for that, which works on the models of either Keras.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from slimbench.networks import weights
from slimbench.pixels import as_floats
from slimbench.spec import NOT_HASHED, Kind, Labels, PixelMode, Pixels, Step, Toolchain, Workplace
from slimbench.steps import images, own_keras, prune
from slimbench.steps.own_file import Form

FINE_TUNED = "fine_tuned"

PRUNABLE = ("Conv2D", "Dense")
"""Kinds of layers; depthwise convolutions hold few weights and lose much."""

EPOCHS = 2
BATCH = 32
LEARNING_RATE = 1e-4
"""Of Adam: a tenth of its default, since the network is trained already."""

Weights = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class OwnPrune(Step):
    """Set the smallest weights of each convolution and dense layer to zero.

    With `images` the network is then trained further on them, its zeros kept. `pixels` is what it
    expects of them.
    """

    content: str
    form: Form
    sparsity: float
    name: str = field(metadata=NOT_HASHED)
    path: Path = field(metadata=NOT_HASHED)
    images: Step | None = None
    pixels: PixelMode = "raw"

    toolchain: ClassVar[Toolchain] = "tensorflow"
    kind: ClassVar[Kind] = "train"
    packages: ClassVar[tuple[str, ...]] = ("tensorflow", "tf-keras", "keras", "numpy")
    seeded: ClassVar[bool] = True

    def label(self) -> str:
        """Name the model and its sparsity."""
        return f"{self.name} pruned to {self.sparsity:.0%}"

    def title(self) -> str:
        """Say how much, and whether it is repaired."""
        how = "at one stroke" if self.images is None else "with fine-tuning"
        return f"pruning {self.name} to {self.sparsity:.0%} zeros {how}"

    def cost(self) -> float:
        """Return the expected seconds."""
        return 8.0 if self.images is None else 90.0

    def run(self, place: Workplace) -> None:
        """Write `weights.npz` with all weights in Keras's order, and whether it was fine-tuned."""
        opened = own_keras.open_keras(self.path, self.form, self.content)
        layers = prunable(opened.model)
        if not layers:
            raise ValueError(f"{self.name} has no layer of kind {' or '.join(PRUNABLE)} to prune.")
        masks = [prune.kept(np.asarray(layer.kernel), self.sparsity, block=1) for layer in layers]
        _apply(zip(layers, masks, strict=True))
        if self.images is not None:
            shown = images.training_images(place.inputs[0])
            _fine_tune(opened, list(zip(layers, masks, strict=True)), shown, self.pixels, place)
        arrays = {f"{index:04}": array for index, array in enumerate(opened.model.get_weights())}
        np.savez(place.out / weights.WEIGHTS_FILE, **arrays)
        weights.write_notes(place.out, {FINE_TUNED: self.images is not None})


def prunable(model: Any) -> list[Any]:
    """Return the layers to prune, of models inside the model too."""
    inside = [*getattr(model, "layers", ()), *filter(None, [getattr(model, "layer", None)])]
    if inside:
        return [kernel_layer for layer in inside for kernel_layer in prunable(layer)]
    return [model] if type(model).__name__ in PRUNABLE else []


def _apply(masks: Iterable[tuple[Any, Weights]]) -> None:
    for layer, kept in masks:
        layer.kernel.assign(layer.kernel * kept)


def _fine_tune(
    opened: own_keras.Opened,
    masks: list[tuple[Any, Weights]],
    shown: tuple[Pixels, Labels],
    mode: PixelMode,
    place: Workplace,
) -> None:
    """Train on, with the pruned weights set back to zero after every batch."""
    import tensorflow as tf

    keras, model = opened.keras, opened.model
    tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(place.seed)  # which is what shuffles the images
    pixels, labels = shown
    floats = np.stack([as_floats(image, mode) for image in pixels])
    scores = np.asarray(model.predict(floats[:BATCH], verbose=0), np.float64)
    are_shares = bool((scores >= 0).all() and np.allclose(scores.sum(axis=-1), 1, atol=1e-3))
    model.compile(
        optimizer=keras.optimizers.Adam(LEARNING_RATE),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=not are_shares),
    )
    total = EPOCHS * -(-len(floats) // BATCH)

    class KeepZeros(keras.callbacks.Callback):  # type: ignore[misc, name-defined]
        done = 0

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:  # noqa: ARG002
            _apply(masks)
            self.done += 1
            place.advance(self.done, total)

    model.fit(floats, labels, batch_size=BATCH, epochs=EPOCHS, verbose=0, callbacks=[KeepZeros()])
