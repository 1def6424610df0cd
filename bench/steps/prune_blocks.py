"""Magnitude pruning in blocks of neighbouring weights, during a fine-tuning.

A file compresses by what repeats. Single zeros strewn over a tensor hardly do: deflate, the method
of gzip and of app packages, spends bits on where each lies. A TensorFlow Lite file holds the
weights that read neighbouring input channels side by side, so zeros that come in blocks of them
are runs, and a run costs deflate next to nothing. The pruning toolkit has blocks for dense layers
only; hence the masks here are our own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from bench.build.recipe import NOT_HASHED
from bench.networks import keras
from bench.spec import Kind, Step, Toolchain, Workplace
from bench.steps import images, long_training, prune, trained, training
from bench.steps.augmentation import view
from bench.steps.long_training import LongSchedule

RAMP_SHARE = 0.4
"""The share of the fine-tuning over which the sparsity rises; the rest repairs the accuracy."""

Kernel = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class PruneBlocks:
    """Fine-tune a trained network while its weakest blocks of weights are set to zero.

    A block is `block` weights of one output channel, at one place of the kernel, that read as many
    neighbouring input channels. Convolutions and dense layers are pruned, one mask each, except
    those whose input channels are not a multiple of `block`: a picture's three colours.
    """

    source: Step
    images: Step
    sparsity: float
    block: int
    schedule: LongSchedule
    expected_seconds: float = field(default=300.0, metadata=NOT_HASHED)

    toolchain: ClassVar[Toolchain] = "tensorflow"
    kind: ClassVar[Kind] = "train"
    packages: ClassVar[tuple[str, ...]] = ("tensorflow", "tf-keras", "numpy")
    seeded: ClassVar[bool] = True
    code: ClassVar[tuple[str, ...]] = (
        *trained.CODE,
        "bench.steps.augmentation",
        "bench.steps.images",
        "bench.steps.long_training",
        "bench.steps.prune",
    )

    def label(self) -> str:
        """Name the network, its sparsity and the blocks."""
        return f"{self.source.label()} pruned to {self.sparsity:.0%} in blocks of {self.block}"

    def title(self) -> str:
        """Say how much."""
        return f"pruning {self.source.label()} to {self.sparsity:.0%} zeros, {self.block} together"

    def cost(self) -> float:
        """Expected seconds."""
        return self.expected_seconds

    def run(self, place: Workplace) -> None:
        """Write the pruned network, its score on the validation images and the pruned layers."""
        pixels, labels = images.training_images(place.inputs[1])
        training.set_seed(place.seed)
        network, source = trained.load(place.inputs[0])
        model, masks = self._masked(source)
        loss = keras().losses.SparseCategoricalCrossentropy(from_logits=True)
        long_training.compile_for(model, self.schedule, len(pixels), loss)

        def epoch_data(epoch: int) -> long_training.Batch:
            share = rising(self.sparsity, epoch, self.schedule.epochs)
            for name, mask in masks.items():
                layer = model.get_layer(name)
                kernel, *others = layer.get_weights()
                stays = kept(kernel, share, self.block)
                mask.kept.assign(stays)
                layer.set_weights([kernel * stays, *others])
            return view(pixels, epoch % self.schedule.views, place.seed), labels

        score = long_training.scorer(model, *images.validation_images(place.inputs[1]))
        right = long_training.train(model, self.schedule, epoch_data, place, score=score)
        prune._check_zeros(model, list(masks), self.sparsity)
        notes = {"validation_top1": right, "pruned_layers": list(masks)}
        trained.save(place.out, network, model, notes)

    def _masked(self, source: Any) -> tuple[Any, dict[str, _Mask]]:
        """Return a copy whose kernels are masked, and the masks by their layers' names.

        A copy, since Keras heeds a constraint only where a layer has it before it is built.
        """
        masks: dict[str, _Mask] = {}

        def copied(layer: Any) -> Any:
            copy = type(layer).from_config(layer.get_config())
            if prune._prunable(layer):
                shape = layer.get_weights()[0].shape
                if shape[-2] % self.block == 0:
                    copy.kernel_constraint = masks[layer.name] = _Mask(shape)
            return copy

        model = keras().models.clone_model(source, clone_function=copied)
        model.set_weights(source.get_weights())
        return model, masks


def rising(sparsity: float, epoch: int, epochs: int) -> float:
    """Return the share of zeros in an epoch: fast at first, whole after `RAMP_SHARE`.

    The cubic rise of Zhu and Gupta, "To prune, or not to prune" (2017), a step an epoch. Masks
    follow from the weights at an epoch's beginning alone, so that a training which was interrupted
    goes on with the same ones.
    """
    ramp = max(1, round(RAMP_SHARE * epochs))
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
    *places, inputs, outputs = kernel.shape
    blocks = kernel.reshape(*places, inputs // block, block, outputs)
    strength = np.square(blocks).sum(axis=-2, keepdims=True)
    order = np.argsort(strength, axis=None, kind="stable")
    stays = np.ones(strength.size, kernel.dtype)
    stays[order[: round(share * strength.size)]] = 0
    return np.broadcast_to(stays.reshape(strength.shape), blocks.shape).reshape(kernel.shape)


class _Mask:
    """A Keras constraint: after each step of the optimiser, what went stays zero."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        import tensorflow as tf

        self.kept = tf.Variable(np.ones(shape, np.float32), trainable=False)

    def __call__(self, kernel: Any) -> Any:
        return kernel * self.kept
