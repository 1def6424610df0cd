"""From a trained network to a `.tflite` file: a SavedModel, then TensorFlow's converter.

The SavedModel in between is made once: converting from it takes a third of the time that
converting a Keras model takes, and the classic recipe starts from the same one.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

from slimbench.networks import keras, weights
from slimbench.spec import MODEL_FILE, Kind, Step, Toolchain, Workplace
from slimbench.tflite.model import FLOAT32, open_model
from slimbench.tflite.weights import read_weights

SAVED_MODEL_FOLDER = "saved_model"

Quantisation = Literal["none", "dynamic_wi8", "static_wi8_ai8"]
"""What the converter itself quantises: nothing, weights, or all that a network rounds."""

PIXEL_STEPS = (1.0, -128)
"""Scale and zero point of an int8 input: one int8 step is one pixel step."""


@dataclass(frozen=True, slots=True)
class Export(Step):
    """Save a network for inference: raw pixels in, probabilities out, one image a call.

    The function and its variables alone are saved. Handed a Keras model, TensorFlow traces and
    saves every layer once more for whoever would load it into Keras again: 10 of a full-size
    network's 12 seconds, for the same `.tflite` file.
    """

    source: Step

    toolchain: ClassVar[Toolchain] = "tensorflow"
    kind: ClassVar[Kind] = "convert"
    packages: ClassVar[tuple[str, ...]] = ("tensorflow", "tf-keras")
    action: ClassVar[str] = "exporting"
    usual_seconds: ClassVar[float] = 3.0

    def run(self, place: Workplace) -> None:
        """Write the folder `saved_model` with one signature of batch size 1."""
        import tensorflow as tf

        network, model = weights.load(place.inputs[0])
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
        weights.write_notes(place.out, weights.read_notes(place.inputs[0]))


@dataclass(frozen=True, slots=True)
class Convert(Step):
    """Convert a SavedModel to TensorFlow Lite.

    With `dynamic_wi8` the converter quantises the weights itself (`Optimize.DEFAULT`): the recipe
    of most tutorials, kept to compare with. `static_wi8_ai8` is for a network that already rounds
    as its int8 file will (`QuantizeAware`); without calibration, int8 pixels and probabilities.
    """

    saved_model: Step
    quantisation: Quantisation = "none"

    toolchain: ClassVar[Toolchain] = "tensorflow"
    kind: ClassVar[Kind] = "convert"
    packages: ClassVar[tuple[str, ...]] = ("tensorflow",)
    usual_seconds: ClassVar[float] = 6.0

    def label(self) -> str:
        """Name the network, and the recipe where the converter quantises it."""
        name = self.saved_model.label()
        if self.quantisation == "dynamic_wi8":
            return f"{name} converter_dynamic_wi8"
        return name if self.quantisation == "none" else f"{name} {self.quantisation}"

    def title(self) -> str:
        """Say how."""
        how = "" if self.quantisation == "none" else ", quantising as it goes"
        return f"converting {self.saved_model.label()}{how}"

    def run(self, place: Workplace) -> None:
        """Write `model.tflite`; ValueError where one that should be is not int8 throughout."""
        import tensorflow as tf

        source: Path = place.inputs[0] / SAVED_MODEL_FOLDER
        converter = tf.lite.TFLiteConverter.from_saved_model(str(source))
        if self.quantisation != "none":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if self.quantisation == "static_wi8_ai8":
            converter.inference_input_type = converter.inference_output_type = tf.int8
        path = place.out / MODEL_FILE
        path.write_bytes(converter.convert())
        notes = weights.read_notes(place.inputs[0])
        if self.quantisation == "static_wi8_ai8":
            check_int8(path)
            check_zeros(path, notes.get(weights.PRUNED_LAYERS, ()), notes.get("zeros", 0))
        weights.write_notes(place.out, notes)


def check_int8(path: Path) -> None:
    """Raise ValueError where a file is not int8 throughout; the converter itself only warns."""
    main = open_model(path).main
    floats = [tensor.name for tensor in main.tensors if tensor.type == FLOAT32]
    if floats:
        raise ValueError(f"The converter left in floating point: {', '.join(floats[:5])}.")
    pixels = main.tensor(main.inputs[0])
    steps = (*pixels.scales.tolist(), *pixels.zero_points.tolist())
    if steps != PIXEL_STEPS:
        raise ValueError(f"The input's scale and zero point are {steps}.")


def check_zeros(path: Path, pruned: list[str], expected: int) -> None:
    """Raise ValueError where a file lost zeros of its pruned layers: rounding only adds some."""
    names = frozenset(pruned)
    zeros = sum(weight.zeros for weight in read_weights(path) if weight.layers & names)
    if zeros < expected:
        raise ValueError(f"The file has {zeros} zeros in its pruned layers, not {expected}.")
