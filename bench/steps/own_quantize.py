"""Static int8 quantisation of a user's own float `.tflite` file.

Unlike the suite's own, such a file may have no signature, which the quantiser's calibration asks
for, may take one channel, and may expect pixels in another form than raw ones.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import flatbuffers
import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from bench.pixels import as_floats, luminance, values
from bench.spec import MODEL_FILE, Kind, PixelMode, Pixels, Step, Toolchain, Workplace
from bench.steps import images, trained
from bench.steps.quantize import calibration_images

SIGNATURE = "serving_default"
PIXELS, SCORES = "pixels", "scores"
IDENTIFIER = b"TFL3"

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class OwnQuantize:
    """Quantise weights and activations to 8 bits; `images` calibrate, fed as `pixels` says."""

    model: Step
    images: Step
    pixels: PixelMode = "raw"
    per_class: int = 10

    toolchain: ClassVar[Toolchain] = "quantizer"
    kind: ClassVar[Kind] = "convert"
    packages: ClassVar[tuple[str, ...]] = ("litert-quantizer", "ai-edge-litert", "numpy")
    seeded: ClassVar[bool] = False
    code: ClassVar[tuple[str, ...]] = (
        "bench.pixels",
        "bench.steps.images",
        "bench.steps.quantize",
        "bench.steps.trained",
    )

    def label(self) -> str:
        """Name the model and the recipe."""
        return f"{self.model.label()} static_wi8_ai8"

    def title(self) -> str:
        """Name the recipe."""
        return f"quantising {self.model.label()} to static_wi8_ai8"

    def cost(self) -> float:
        """Expected seconds."""
        return 5.0

    def run(self, place: Workplace) -> None:
        """Write `model.tflite`."""
        from litert_quantizer import Quantizer, recipe

        shown = calibration_images(*images.training_images(place.inputs[1]), self.per_class)
        source = with_signature((place.inputs[0] / MODEL_FILE).read_bytes())
        with tempfile.TemporaryDirectory() as folder:
            signed = Path(folder) / MODEL_FILE
            signed.write_bytes(source)
            quantizer = Quantizer(str(signed), recipe.static_wi8_ai8())
            fed = [_fed(image, _channels(signed), self.pixels) for image in shown]
            ranges = quantizer.calibrate(
                {SIGNATURE: [{PIXELS: each} for each in fed]}, num_threads=1
            )
            ends = _ends(signed, fed, self.pixels)
            quantised = quantizer.quantize(_widened(ranges, ends)).quantized_model
        if quantised is None:
            raise RuntimeError("The quantiser returned no model.")
        (place.out / MODEL_FILE).write_bytes(quantised)
        trained.write_notes(place.out, trained.read_notes(place.inputs[0]))


def with_signature(content: bytes) -> bytes:
    """Return a `.tflite` file with one signature, whose input is `pixels` and output `scores`.

    Raises ValueError where the model has several inputs or outputs.
    """
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    main = model.subgraphs[0]
    signature = schema.SignatureDefT()
    signature.signatureKey, signature.subgraphIndex = SIGNATURE, 0
    signature.inputs = [_named(PIXELS, main.inputs)]
    signature.outputs = [_named(SCORES, main.outputs)]
    model.signatureDefs = [signature]
    builder = flatbuffers.Builder(len(content))
    builder.Finish(model.Pack(builder), file_identifier=IDENTIFIER)
    return bytes(builder.Output())


def _named(name: str, tensors: Any) -> Any:
    if len(tensors) != 1:
        raise ValueError(f"the model has {len(tensors)} tensors where its {name} should be one")
    mapping = schema.TensorMapT()
    mapping.name, mapping.tensorIndex = name, int(tensors[0])
    return mapping


def _channels(model: Path) -> int:
    from ai_edge_litert.interpreter import Interpreter

    (source,) = Interpreter(model_path=str(model)).get_input_details()
    return int(source["shape"][-1])


def _fed(image: Pixels, channels: int, mode: PixelMode) -> Floats:
    """Return a batch of one as the float model takes it."""
    grey = channels == 1 and image.shape[-1] == 3
    return as_floats(luminance(image) if grey else image, mode)[np.newaxis]


def _ends(model: Path, fed: list[Floats], mode: PixelMode) -> dict[str, tuple[float, float]]:
    """Return the whole ranges of a model's input and output, by tensor name.

    The input's is what black to white become. The output's is that of all scores seen: a model
    need not end in probabilities, and scores that are cut off at one end would be equal.
    """
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(model), num_threads=1)
    interpreter.allocate_tensors()
    (source,), (result,) = interpreter.get_input_details(), interpreter.get_output_details()
    lows, highs = [], []
    for each in fed:
        interpreter.set_tensor(source["index"], each)
        interpreter.invoke()
        scores = interpreter.get_tensor(result["index"])
        lows.append(float(scores.min()))
        highs.append(float(scores.max()))
    reached = values(mode, fed[0].shape[-1])
    return {
        source["name"]: (float(reached.min()), float(reached.max())),
        result["name"]: (min(lows), max(highs)),
    }


def _widened(ranges: dict[str, Any], ends: dict[str, tuple[float, float]]) -> dict[str, Any]:
    """Set the ranges of input and output, which calibration's moving average misses."""
    exact = {
        name: {
            "min": np.full_like(ranges[name]["min"], low),
            "max": np.full_like(ranges[name]["max"], high),
        }
        for name, (low, high) in ends.items()
    }
    return {**ranges, **exact}
