"""From a network that rounds as int8 does to the int8 file, by the converter.

The converter takes what it cannot quantise as float and says so in a warning only, so the finished
file is looked through before it is kept.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from bench import tflite_file
from bench.networks import keras
from bench.spec import MODEL_FILE, Kind, Step, Toolchain, Workplace
from bench.steps import fake_quantised, trained
from bench.steps.trained import Network

RECIPE = "static_wi8_ai8"

PIXEL_STEPS = (1.0, -128)
"""Scale and zero point of the input: one int8 step is one pixel step."""


@dataclass(frozen=True, slots=True)
class ConvertAware:
    """Convert a `QuantizeAware` network: int8 pixels in, int8 probabilities out, one image."""

    source: Step

    toolchain: ClassVar[Toolchain] = "tensorflow"
    kind: ClassVar[Kind] = "convert"
    packages: ClassVar[tuple[str, ...]] = (
        "tensorflow",
        "tf-keras",
        "tensorflow-model-optimization",
    )
    seeded: ClassVar[bool] = False
    code: ClassVar[tuple[str, ...]] = (*trained.CODE, "bench.steps.fake_quantised")

    def label(self) -> str:
        """Name the network and the precision."""
        return f"{self.source.label()} {RECIPE}"

    def title(self) -> str:
        """Say how."""
        return f"converting {self.source.label()} to {RECIPE}"

    def cost(self) -> float:
        """Expected seconds."""
        return 15.0

    def run(self, place: Workplace) -> None:
        """Write `model.tflite`; ValueError where it is not int8 throughout or lost zeros."""
        import tensorflow as tf

        network, aware = fake_quantised.load(place.inputs[0])
        with tempfile.TemporaryDirectory(dir=place.out, ignore_cleanup_errors=True) as folder:
            _save(network, aware, folder)
            converter = tf.lite.TFLiteConverter.from_saved_model(folder)
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.inference_input_type = converter.inference_output_type = tf.int8
            converted = converter.convert()
        path = place.out / MODEL_FILE
        path.write_bytes(converted)
        _check_int8(path)
        pruned = fake_quantised.pruned_layers(place.inputs[0])
        _check_zeros(path, pruned, fake_quantised.zeros(aware, pruned))
        trained.write_notes(place.out, trained.read_notes(place.inputs[0]))


def _save(network: Network, aware: Any, folder: str) -> None:
    """Write a SavedModel with the other files' signature, as `ExportFunction` does."""
    import tensorflow as tf

    outputs = keras().layers.Softmax(name="probabilities")(aware.output)
    served = keras().Model(aware.inputs, outputs)
    pixels = tf.TensorSpec((1, *network.input_shape), tf.float32, name="pixels")

    @tf.function(input_signature=[pixels])  # type: ignore[untyped-decorator]
    def answer(pixels: Any) -> Any:
        return {"probabilities": served(pixels, training=False)}

    module = tf.Module()
    module.weights = served.weights
    module.answer = answer
    tf.saved_model.save(module, folder, signatures={"serving_default": answer})


def _check_int8(path: Path) -> None:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(path))
    floats = [
        each["name"] for each in interpreter.get_tensor_details() if each["dtype"] == np.float32
    ]
    if floats:
        raise ValueError(f"The converter left in floating point: {', '.join(floats[:5])}.")
    (pixels,) = interpreter.get_input_details()
    if pixels["quantization"] != PIXEL_STEPS:
        raise ValueError(f"The input's scale and zero point are {pixels['quantization']}.")


def _check_zeros(path: Path, pruned: list[str], expected: int) -> None:
    """Rounding adds zeros and takes none away."""
    names = frozenset(pruned)
    found = sum(each.zeros for each in tflite_file.weights(path) if each.layers & names)
    if found < expected:
        raise ValueError(f"The file has {found} zeros in its pruned layers, not {expected}.")
