"""From a trained network to a float `.tflite` file, and the converter's own quantisation.

The SavedModel in between is made once: converting from it takes a third of the time that
converting a Keras model takes, and the classic recipe starts from the same one.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from bench.networks import keras
from bench.spec import MODEL_FILE, Kind, Step, Toolchain, Workplace
from bench.steps import trained

SAVED_MODEL_FOLDER = "saved_model"


@dataclass(frozen=True, slots=True)
class Export:
    """Save a trained network for inference: raw pixels in, probabilities out, one image a call."""

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
        return 4.0

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
        module.model = served
        module.answer = answer
        folder = str(place.out / SAVED_MODEL_FOLDER)
        tf.saved_model.save(module, folder, signatures={"serving_default": answer})
        trained.write_notes(place.out, trained.read_notes(place.inputs[0]))


@dataclass(frozen=True, slots=True)
class Convert:
    """Convert a SavedModel to TensorFlow Lite.

    With `dynamic_range` the converter quantises the weights itself (`Optimize.DEFAULT`): the
    recipe of most tutorials, kept to compare with.
    """

    saved_model: Step
    dynamic_range: bool = False

    toolchain: ClassVar[Toolchain] = "tensorflow"
    kind: ClassVar[Kind] = "convert"
    packages: ClassVar[tuple[str, ...]] = ("tensorflow",)
    seeded: ClassVar[bool] = False
    code: ClassVar[tuple[str, ...]] = ("bench.steps.trained",)

    def label(self) -> str:
        """Name the network, and the recipe where the converter quantises it."""
        return self.saved_model.label() + (" converter_dynamic_wi8" if self.dynamic_range else "")

    def title(self) -> str:
        """Say how."""
        how = ", quantising as it goes" if self.dynamic_range else ""
        return f"converting {self.saved_model.label()}{how}"

    def cost(self) -> float:
        """Expected seconds."""
        return 6.0

    def run(self, place: Workplace) -> None:
        """Write `model.tflite`."""
        import tensorflow as tf

        source: Path = place.inputs[0] / SAVED_MODEL_FOLDER
        converter = tf.lite.TFLiteConverter.from_saved_model(str(source))
        if self.dynamic_range:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        (place.out / MODEL_FILE).write_bytes(converter.convert())
        trained.write_notes(place.out, trained.read_notes(place.inputs[0]))
