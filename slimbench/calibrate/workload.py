"""Models whose work is known to the layer: a stack of equal convolutions, and longer ones.

A model with 105 layers of the same size does 5 % more work than one with 100. That is the slowdown
a gate has to see, in the file itself; waiting in the harness would test the harness.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from slimbench.networks import keras
from slimbench.spec import MODEL_FILE, Kind, Step, Toolchain, Workplace

LAYERS = 100
"""Of the baseline: one layer more is one percent."""

KERNEL = 3


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
        filters = [tf.constant(each) for each in self._filters()]

        @tf.function(  # type: ignore[untyped-decorator]
            input_signature=[tf.TensorSpec((1, side, side, channels), tf.float32, name="pixels")]
        )
        def answer(pixels: Any) -> Any:
            values = pixels / 255.0
            for each in filters:
                values = tf.nn.relu(tf.nn.conv2d(values, each, strides=1, padding="SAME"))
            return {"scores": tf.reduce_mean(values, axis=(1, 2))}

        module = tf.Module()
        module.answer = answer
        converter = tf.lite.TFLiteConverter.from_concrete_functions(
            [answer.get_concrete_function()], module
        )
        (place.out / MODEL_FILE).write_bytes(converter.convert())

    def _filters(self) -> list[np.ndarray[Any, np.dtype[np.float32]]]:
        """Return each layer's filters, scaled so that signals neither die nor grow (He 2015).

        Numbers that vanish would be denormal and slow, and the layers unequal.
        """
        rng = np.random.default_rng([self.weights, self.size.side, self.size.channels])
        channels = self.size.channels
        spread = np.sqrt(2 / (KERNEL * KERNEL * channels))
        shape = (KERNEL, KERNEL, channels, channels)
        return [rng.normal(0, spread, shape).astype(np.float32) for _ in range(self.layers)]
