"""The experiment that a calibration runs: models of known work, and the pairs that are compared.

A model with 105 equal layers does 5 % more work than one with 100. The slowdown that the gate has
to detect is thus in the file itself; a pause in the measuring code would only test that code.

Comparisons are measured in batches that share their processes and one control, as the cases of a
profile do; each is judged alone. Every batch holds comparisons without and with a slowdown, in all
sizes, so that an hour in which the machine was busy falls on all of them alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, ClassVar

import numpy as np

from slimbench.networks import keras
from slimbench.spec import MODEL_FILE, Kind, Step, Toolchain, Workplace

LAYERS = 100
"""Of the baseline: one layer more is one percent."""

KERNEL = 3

ORDINARY_BATCHES = 60
BURNER_BATCHES = 10
NULLS = 5
"""Comparisons without a slowdown in each batch: 300 in all, and 50 beside the burner."""

SMALL_SLOWDOWNS = (2, 5, 8)
"""In percent; one of each in every ordinary batch: 60 in all."""

OTHER_SLOWDOWNS = (4, 10, 20)
"""In percent; they take turns from batch to batch: 20 in all."""

BASELINE_WEIGHTS, CANDIDATE_WEIGHTS = 0, 1


@dataclass(frozen=True, slots=True)
class Size:
    """How large each layer is; `name` says about how long the baseline takes."""

    name: str
    side: int
    channels: int


SIZES = (
    Size("0.3 ms", side=9, channels=12),
    Size("8 ms", side=20, channels=32),
    Size("20 ms", side=33, channels=32),
)
"""Small, medium and large, by their time on one core of a server processor with AVX-512."""


@dataclass(frozen=True, slots=True)
class Workload(Step):
    """A `.tflite` of `layers` equal 3x3 convolutions; other `weights` are other numbers.

    The same work with other weights is what a network trained anew is: another file, no slower.
    """

    size: Size
    layers: int
    weights: int

    toolchain: ClassVar[Toolchain] = "tensorflow"
    kind: ClassVar[Kind] = "convert"
    packages: ClassVar[tuple[str, ...]] = ("tensorflow",)
    action: ClassVar[str] = "building"
    usual_seconds: ClassVar[float] = 4.0

    def label(self) -> str:
        """Name the size and the depth."""
        return f"{self.size.name}, {self.layers} layers"

    def run(self, place: Workplace) -> None:
        """Write `model.tflite`."""
        keras()  # settles which Keras, before TensorFlow is imported
        import tensorflow as tf

        side, channels = self.size.side, self.size.channels
        filters = [tf.constant(kernel) for kernel in self._kernels()]

        @tf.function(  # type: ignore[untyped-decorator]
            input_signature=[tf.TensorSpec((1, side, side, channels), tf.float32, name="pixels")]
        )
        def answer(pixels: Any) -> Any:
            values = pixels / 255.0
            for kernel in filters:
                values = tf.nn.relu(tf.nn.conv2d(values, kernel, strides=1, padding="SAME"))
            return {"scores": tf.reduce_mean(values, axis=(1, 2))}

        module = tf.Module()
        module.answer = answer
        converter = tf.lite.TFLiteConverter.from_concrete_functions(
            [answer.get_concrete_function()], module
        )
        (place.out / MODEL_FILE).write_bytes(converter.convert())

    def _kernels(self) -> list[np.ndarray[Any, np.dtype[np.float32]]]:
        """Return each layer's kernel, scaled so that signals neither die nor grow (He 2015).

        Numbers that vanish would be denormal and slow, and the layers unequal.
        """
        rng = np.random.default_rng([self.weights, self.size.side, self.size.channels])
        channels = self.size.channels
        spread = np.sqrt(2 / (KERNEL * KERNEL * channels))
        shape = (KERNEL, KERNEL, channels, channels)
        return [rng.normal(0, spread, shape).astype(np.float32) for _ in range(self.layers)]


@dataclass(frozen=True, slots=True)
class Trial:
    """One comparison: the candidate has `slowdown` percent more work than the baseline, or 0."""

    size: Size
    slowdown: int

    @property
    def baseline(self) -> Workload:
        """The model that is taken as good."""
        return Workload(self.size, LAYERS, BASELINE_WEIGHTS)

    @property
    def candidate(self) -> Workload:
        """The model that is judged; without a slowdown, other weights in the same layers."""
        return Workload(self.size, LAYERS + LAYERS * self.slowdown // 100, CANDIDATE_WEIGHTS)


@dataclass(frozen=True, slots=True)
class Batch:
    """Comparisons that are timed together; `burner`: beside a process that burns one core."""

    number: int
    burner: bool
    trials: tuple[Trial, ...]


def batches(
    ordinary: int = ORDINARY_BATCHES, burners: int = BURNER_BATCHES, seed: int = 0
) -> tuple[Batch, ...]:
    """Return all batches in the order in which they are measured, the same for the same numbers.

    Those beside the burner are spread over the whole.
    """
    kinds = [False] * ordinary + [True] * burners
    Random(seed).shuffle(kinds)  # noqa: S311  (the order is no secret)
    turns = {False: 0, True: 0}
    design = []
    for number, burner in enumerate(kinds):
        turn = turns[burner]
        turns[burner] += 1
        trials = _nulls(turn) if burner else _nulls(turn) + _slowed(turn)
        design.append(Batch(number, burner, trials))
    return tuple(design)


def workloads(design: Sequence[Batch]) -> tuple[Workload, ...]:
    """Return every model that a design needs, each once."""
    trials = [trial for batch in design for trial in batch.trials]
    models = [model for trial in trials for model in (trial.baseline, trial.candidate)]
    return tuple(dict.fromkeys(models))


def _nulls(turn: int) -> tuple[Trial, ...]:
    first = turn * NULLS
    return tuple(Trial(SIZES[number % len(SIZES)], 0) for number in range(first, first + NULLS))


def _slowed(turn: int) -> tuple[Trial, ...]:
    small = [
        Trial(SIZES[(turn + index) % len(SIZES)], slowdown)
        for index, slowdown in enumerate(SMALL_SLOWDOWNS)
    ]
    cycle = len(OTHER_SLOWDOWNS)
    other = Trial(SIZES[turn // cycle % len(SIZES)], OTHER_SLOWDOWNS[turn % cycle])
    return (*small, other)
