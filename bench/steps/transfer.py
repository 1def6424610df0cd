"""Transfer learning: a network trained on ImageNet learns other classes.

What frozen layers make of the images is computed once and kept, so an epoch costs only the layers
that learn.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from bench import networks
from bench.build.recipe import NOT_HASHED
from bench.networks import keras, transfer_mobilenetv2
from bench.spec import Kind, Pixels, Step, Toolchain, Workplace
from bench.steps import images, long_training, trained, training
from bench.steps.augmentation import view
from bench.steps.long_training import LongSchedule
from bench.steps.trained import Network

CODE = (
    *trained.CODE,
    "bench.networks.imagenet",
    "bench.networks.imagenet_mobilenetv2",
    "bench.networks.transfer_mobilenetv2",
    "bench.steps.augmentation",
    "bench.steps.images",
    "bench.steps.long_training",
)

PACKAGES = ("tensorflow", "tf-keras", "numpy")

HEAD_EPOCHS = 20
HEAD_RATE = 1e-3
HEAD_BATCH = 128

_CHUNK = 500
"""Images whose layers' output is computed at a time."""


@dataclass(frozen=True, slots=True)
class TutorialHead:
    """Train a new head on a frozen network's features as tutorials do: Adam, no changed copies."""

    source: Step
    images: Step
    network: Network
    epochs: int = 3
    batch: int = 32

    toolchain: ClassVar[Toolchain] = "tensorflow"
    kind: ClassVar[Kind] = "train"
    packages: ClassVar[tuple[str, ...]] = PACKAGES
    seeded: ClassVar[bool] = True

    @property
    def code(self) -> tuple[str, ...]:
        """The networks."""
        return (*CODE, networks.module_name(self.network.name))

    def label(self) -> str:
        """Name the network."""
        return self.network.name

    def title(self) -> str:
        """Say what is trained."""
        return f"training the head of {self.label()}"

    def cost(self) -> float:
        """Expected seconds."""
        return 30.0

    def run(self, place: Workplace) -> None:
        """Write the network with its trained head."""
        pixels, labels = images.training_images(place.inputs[1])
        training.set_seed(place.seed)
        model = _with_weights(self.network, place.inputs[0])
        below, head = _split(model, transfer_mobilenetv2.FEATURES)
        features = _outputs(below, pixels)
        head.compile(
            keras().optimizers.Adam(),
            keras().losses.SparseCategoricalCrossentropy(from_logits=True),
        )
        head.fit(features, labels, batch_size=self.batch, epochs=self.epochs, verbose=0)
        score = long_training.scorer(model, *images.validation_images(place.inputs[1]))
        trained.save(place.out, self.network, model, {"validation_top1": score()})


@dataclass(frozen=True, slots=True)
class FineTune:
    """Train a new head on frozen features, then it and all layers above a cut together.

    Batch norm stays as it was trained: statistics of few or differently blurred images would undo
    what the weights around it expect.
    """

    source: Step
    images: Step
    network: Network
    schedule: LongSchedule
    cut: str
    expected_seconds: float = field(default=1500.0, metadata=NOT_HASHED)

    toolchain: ClassVar[Toolchain] = "tensorflow"
    kind: ClassVar[Kind] = "train"
    packages: ClassVar[tuple[str, ...]] = PACKAGES
    seeded: ClassVar[bool] = True

    @property
    def code(self) -> tuple[str, ...]:
        """The networks."""
        return (*CODE, networks.module_name(self.network.name))

    def label(self) -> str:
        """Name the network."""
        return self.network.name

    def title(self) -> str:
        """Say what is trained."""
        return f"fine-tuning {self.label()}"

    def cost(self) -> float:
        """Expected seconds."""
        return self.expected_seconds

    def run(self, place: Workplace) -> None:
        """Write the fine-tuned network and its score on the validation images."""
        pixels, labels = images.training_images(place.inputs[1])
        validation_pixels, validation_labels = images.validation_images(place.inputs[1])
        training.set_seed(place.seed)
        model = _with_weights(self.network, place.inputs[0])
        _freeze_batch_norm(model)
        below, above = _split(model, self.cut)
        folder = place.resume or place.out
        views = [
            _stored(folder, f"view_{number}", below, place, number, self.schedule.views, pixels)
            for number in range(self.schedule.views)
        ]
        validation = _outputs(below, validation_pixels)
        if not (folder / long_training.CHECKPOINT).exists():
            _train_head(model, self.cut, views, labels)
        loss = keras().losses.SparseCategoricalCrossentropy(from_logits=True)
        long_training.compile_for(above, self.schedule, len(labels), loss)
        right = long_training.train(
            above,
            self.schedule,
            lambda epoch: (views[epoch % len(views)], labels),
            place,
            score=long_training.scorer(above, validation, validation_labels),
        )
        for stored in place.out.glob("view_*.npy"):
            stored.unlink()
        trained.save(place.out, self.network, model, {"validation_top1": right})


def _with_weights(network: Network, source: Path) -> Any:
    """Build a network, its layers of the source's names having the source's weights."""
    _, pretrained = trained.load(source)
    weights = {layer.name: layer.get_weights() for layer in pretrained.layers if layer.weights}
    model = network.build()
    new = [layer for layer in model.layers if layer.weights and layer.name not in weights]
    for layer in model.layers:
        if layer.weights and layer not in new and layer.name != "logits":
            layer.set_weights(weights[layer.name])
    unexpected = {layer.name for layer in new} - {"logits", "hidden"}
    if unexpected:
        raise ValueError(f"{network.name} has layers without weights: {sorted(unexpected)}.")
    return model


def _freeze_batch_norm(model: Any) -> None:
    for layer in model.layers:
        if isinstance(layer, keras().layers.BatchNormalization):
            layer.trainable = False


def _split(model: Any, cut: str) -> tuple[Any, Any]:
    """Return what comes before the end of a layer and what comes after it, sharing weights."""
    between = model.get_layer(cut).output
    return keras().Model(model.input, between), keras().Model(between, model.output)


def _outputs(model: Any, pixels: Pixels) -> npt.NDArray[np.float16]:
    """Return a model's output for raw pixels in half precision, computed in parts."""
    return np.concatenate(
        [_part(model, pixels[start : start + _CHUNK]) for start in range(0, len(pixels), _CHUNK)]
    )


def _part(model: Any, pixels: Pixels) -> npt.NDArray[np.float16]:
    answers = model.predict(pixels.astype(np.float32), batch_size=100, verbose=0)
    return np.asarray(answers).astype(np.float16)


def _stored(  # noqa: PLR0913, PLR0917 - where it is kept, and what is computed
    folder: Path, name: str, below: Any, place: Workplace, number: int, views: int, pixels: Pixels
) -> npt.NDArray[np.float16]:
    """Return a view's output of the frozen layers, from the disk where it is there."""
    path = folder / f"{name}.npy"
    if not path.exists():
        seen = view(pixels, number, place.seed)
        parts = []
        for start in range(0, len(seen), _CHUNK):
            parts.append(_part(below, seen[start : start + _CHUNK]))
            share = number + (start + _CHUNK) / len(seen)
            place.advance(share, views, f"frozen layers, view {number + 1} of {views}")
        partial = folder / f"partial-{name}.npy"
        np.save(partial, np.concatenate(parts))
        partial.replace(path)
    stored: npt.NDArray[np.float16] = np.load(path, mmap_mode="r")
    return stored


def _train_head(model: Any, cut: str, views: list[npt.NDArray[np.float16]], labels: Any) -> None:
    """Train the layer of logits on the features of all views, everything else as it was."""
    between = model.get_layer(cut).output
    averaged = model.get_layer(transfer_mobilenetv2.FEATURES).output
    features = keras().Model(between, averaged)
    head = keras().Model(averaged, model.output)
    shown = [
        features.predict(np.asarray(stored, np.float32), batch_size=250, verbose=0)
        for stored in views
    ]
    head.compile(
        keras().optimizers.Adam(HEAD_RATE),
        keras().losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    head.fit(
        np.concatenate(shown),
        np.concatenate([labels] * len(views)),
        batch_size=HEAD_BATCH,
        epochs=HEAD_EPOCHS,
        verbose=0,
    )
