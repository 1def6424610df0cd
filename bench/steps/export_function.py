"""From a network that is not trained here to a SavedModel, by its function and variables alone.

`Export` hands Keras's model to TensorFlow, which traces and saves every layer once more for
whoever would load it into Keras again: 10 of a full-size network's 12 seconds, and as much when
the converter reads it. Nothing here reads it that way. The `.tflite` made from either is the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from bench.networks import keras
from bench.spec import Kind, Step, Toolchain, Workplace
from bench.steps import trained
from bench.steps.export import SAVED_MODEL_FOLDER


@dataclass(frozen=True, slots=True)
class ExportFunction:
    """Save a network for inference: raw pixels in, probabilities out, one image a call."""

    source: Step

    toolchain: ClassVar[Toolchain] = "tensorflow"
    kind: ClassVar[Kind] = "convert"
    packages: ClassVar[tuple[str, ...]] = ("tensorflow", "tf-keras")
    seeded: ClassVar[bool] = False
    code: ClassVar[tuple[str, ...]] = trained.CODE

    def label(self) -> str:
        """Name the network."""
        return self.source.label()

    def title(self) -> str:
        """Say what is written."""
        return f"exporting {self.label()}"

    def cost(self) -> float:
        """Expected seconds."""
        return 3.0

    def run(self, place: Workplace) -> None:
        """Write the folder `saved_model` with one signature of batch size 1."""
        import tensorflow as tf

        network, model = trained.load(place.inputs[0])
        outputs = keras().layers.Softmax(name="probabilities")(model.output)
        served = keras().Model(model.inputs, outputs)
        pixels = tf.TensorSpec((1, *network.input_shape), tf.float32, name="pixels")

        @tf.function(input_signature=[pixels])  # type: ignore[untyped-decorator]
        def answer(pixels: Any) -> Any:
            return {"probabilities": served(pixels, training=False)}

        module = tf.Module()
        module.weights = served.weights
        module.answer = answer
        folder = str(place.out / SAVED_MODEL_FOLDER)
        tf.saved_model.save(module, folder, signatures={"serving_default": answer})
        trained.write_notes(place.out, trained.read_notes(place.inputs[0]))
