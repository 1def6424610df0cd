"""Magnitude pruning during a fine-tuning, of single weights or of blocks of neighbours.

Single weights are pruned by tensorflow-model-optimization. It updates its masks every 100 steps
unless told otherwise, so a short fine-tuning ends with nothing pruned and no error; the updates are
therefore spread over the training here, and the zeros are counted before anything is stored.

A file compresses by what repeats. Single zeros strewn over a tensor hardly do: deflate, the method
of gzip and of app packages, spends bits on where each lies. A TensorFlow Lite file holds the
weights that read neighbouring input channels side by side, so zeros that come in blocks of them are
runs, and a run costs deflate next to nothing. The toolkit has blocks for dense layers only; hence
the masks of blocks are our own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from slimbench.networks import keras, weights
from slimbench.spec import Step, TrainingStep, Workplace
from slimbench.steps import fine_tune, images, training
from slimbench.steps.training import Batch, Schedule

TOOLKIT_RAMP, BLOCKS_RAMP = 0.6, 0.4
"""The share of the fine-tuning over which the sparsity rises; the rest repairs the accuracy."""

MASK_UPDATES = 4
"""How often the toolkit's masks are computed on the way: each costs seconds on a network of 23
million weights."""

TOLERANCE = 0.005
"""How far under its target the share of zeros may end: masks hold whole numbers of weights."""

Kernel = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Prune(TrainingStep):
    """Fine-tune a trained network while its smallest weights are set to zero.

    Convolutions and dense layers are pruned, one mask each; depthwise convolutions, which hold few
    weights and lose much, are not. With `block` > 1 that many weights of one output channel, at one
    position of the kernel, that read neighbouring input channels go together; layers whose input
    channels are not a multiple of it, such as a picture's three colours, are left. With a `cut`
    only what comes after that layer learns and is pruned, and batch norm stays as it is, as in
    `FineTune`: the toolkit cannot prune every network as a whole.
    """

    source: Step
    images: Step
    sparsity: float
    schedule: Schedule
    block: int = 1
    cut: str = ""

    packages: ClassVar[tuple[str, ...]] = (
        *TrainingStep.packages,
        "tensorflow-model-optimization",
    )

    def label(self) -> str:
        """Name the network, its sparsity and the blocks."""
        blocks = f" in blocks of {self.block}" if self.block > 1 else ""
        return f"{self.source.label()} pruned to {self.sparsity:.0%}{blocks}"

    def title(self) -> str:
        """Say how much."""
        together = f", {self.block} together" if self.block > 1 else ""
        return f"pruning {self.source.label()} to {self.sparsity:.0%} zeros{together}"

    def run(self, place: Workplace) -> None:
        """Write the pruned network and the names of the pruned layers."""
        pixels, labels = images.training_images(place.inputs[1])
        training.set_seed(place.seed)
        network, source = weights.load(place.inputs[0])
        steps = self.schedule.epochs * training.steps_per_epoch(len(pixels), self.schedule.batch)
        model, shown = source, None
        if self.cut:
            fine_tune.freeze_batch_norm(source)
            below, model = fine_tune.split(source, self.cut)
            shown = fine_tune.frozen_outputs(below, pixels, self.schedule, place)
        masked = self._in_blocks(model) if self.block > 1 else self._by_toolkit(model, steps)

        def epoch_data(epoch: int) -> Batch:
            masked.update(epoch)
            number = self.schedule.view_of(epoch)
            if shown is not None:
                return shown[number], labels
            augmentation = self.schedule.augmentation
            return training.view(pixels, number, place.seed, augmentation), labels

        training.fit(
            masked.model,
            self.schedule,
            epoch_data,
            place,
            images=len(pixels),
            callbacks=masked.callbacks,
        )
        check_zeros(masked.layers.values(), self.sparsity)
        for name, layer in masked.layers.items():
            model.get_layer(name).set_weights(layer.get_weights())
        fine_tune.remove_frozen_outputs(place)
        notes = {**weights.read_notes(place.inputs[0]), weights.PRUNED_LAYERS: list(masked.layers)}
        weights.save(place.out, network, source, notes)

    def _by_toolkit(self, model: Any, steps: int) -> _Masked:
        """Return a model with prunable layers in wrappers, which share their weights."""
        import tensorflow_model_optimization as tfmot

        sparsity = tfmot.sparsity.keras
        ramp = max(MASK_UPDATES, int(TOOLKIT_RAMP * steps))
        decay = sparsity.PolynomialDecay(
            initial_sparsity=0.0,
            final_sparsity=self.sparsity,
            begin_step=0,
            end_step=ramp,
            frequency=ramp // MASK_UPDATES,
        )
        layers: dict[str, Any] = {}

        def wrap(layer: Any) -> Any:
            if not _prunable(layer):
                return layer
            layers[layer.name] = layer
            return sparsity.prune_low_magnitude(layer, pruning_schedule=decay)

        wrapped = keras().models.clone_model(model, clone_function=wrap)
        return _Masked(wrapped, layers, lambda _: None, (sparsity.UpdatePruningStep(),))

    def _in_blocks(self, model: Any) -> _Masked:
        """Return a model whose prunable layers are copies with a mask for a constraint.

        Copies, since Keras heeds a constraint only where a layer has it before it is built. Masks
        follow from the weights at an epoch's beginning alone, so that a training which was
        interrupted goes on with the same ones.
        """
        layers: dict[str, Any] = {}

        def masked(layer: Any) -> Any:
            if not _prunable(layer) or layer.get_weights()[0].shape[-2] % self.block:
                return layer
            copy = type(layer).from_config(layer.get_config())
            copy.kernel_constraint = _Mask(layer.get_weights()[0].shape)
            layers[layer.name] = copy
            return copy

        clone = keras().models.clone_model(model, clone_function=masked)
        for name, copy in layers.items():
            copy.set_weights(model.get_layer(name).get_weights())

        def update(epoch: int) -> None:
            share = rising(self.sparsity, epoch, self.schedule.epochs)
            for layer in layers.values():
                kernel, *others = layer.get_weights()
                mask = kept(kernel, share, self.block)
                layer.kernel_constraint.mask.assign(mask)
                layer.set_weights([kernel * mask, *others])

        return _Masked(clone, layers, update)


@dataclass(frozen=True, slots=True)
class _Masked:
    """A model that keeps its zeros while it learns, and its pruned layers by name."""

    model: Any
    layers: Mapping[str, Any]
    update: Callable[[int], None]
    """Sets the masks at the beginning of an epoch, where they are ours."""
    callbacks: Sequence[Any] = ()


def rising(sparsity: float, epoch: int, epochs: int) -> float:
    """Return the share of zeros in an epoch: fast at first, whole after `BLOCKS_RAMP`.

    The cubic rise of Zhu and Gupta, "To prune, or not to prune" (2017), a step an epoch.
    """
    ramp = max(1, round(BLOCKS_RAMP * epochs))
    done = min(1.0, (epoch + 1) / ramp)
    return sparsity * (1 - (1 - done) ** 3)


def kept(kernel: Kernel, share: float, block: int) -> Kernel:
    """Return 1 for each weight that stays and 0 for the weakest blocks, in the kernel's shape.

    Args:
        kernel: the input channels are the last axis but one, as Keras has it, and a multiple of
            `block`.
        share: of the weights that are to be zero; rounded to whole blocks.
        block: neighbouring input channels that are kept or go together. Their sum of squares
            decides.
    """
    *positions, inputs, outputs = kernel.shape
    exact = kernel.astype(np.float64)  # the squares of small float32 numbers vanish in float32
    blocks = exact.reshape(*positions, inputs // block, block, outputs)
    strength = np.square(blocks).sum(axis=-2, keepdims=True)
    order = np.argsort(strength, axis=None, kind="stable")
    mask = np.ones(strength.size, kernel.dtype)
    mask[order[: round(share * strength.size)]] = 0
    return np.broadcast_to(mask.reshape(strength.shape), blocks.shape).reshape(kernel.shape)


def check_zeros(layers: Iterable[Any], target: float) -> None:
    """Raise ValueError where the kernels of layers have fewer zeros than they should."""
    kernels = [layer.get_weights()[0] for layer in layers]
    zeros = sum(int(np.count_nonzero(kernel == 0)) for kernel in kernels)
    share = zeros / sum(kernel.size for kernel in kernels)
    if share < target - TOLERANCE:
        raise ValueError(
            f"Pruning ended with {share:.1%} zeros instead of {target:.0%}: "
            "the masks were not updated often enough for so short a training."
        )


def _prunable(layer: Any) -> bool:
    """Tell convolutions and dense layers; a depthwise convolution is a Conv2D to Keras too."""
    layers = keras().layers
    return type(layer) in (layers.Conv2D, layers.Dense)


class _Mask:
    """A Keras constraint: after each step of the optimiser, what went stays zero."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        import tensorflow as tf

        self.mask = tf.Variable(np.ones(shape, np.float32), trainable=False)

    def __call__(self, kernel: Any) -> Any:
        return kernel * self.mask
