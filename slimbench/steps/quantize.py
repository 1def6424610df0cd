"""Quantising a finished float `.tflite` file with LiteRT's quantiser, without TensorFlow.

Starting from the file takes a second where converting the network again takes ten, and gives a file
of the same size and speed. A file of a user's may have no signature, which calibration asks for,
may take one channel, and may expect pixels in another form than raw ones.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from slimbench.networks import weights
from slimbench.pixels import as_floats, luminance, values
from slimbench.spec import (
    MODEL_FILE,
    Advance,
    Kind,
    Labels,
    PixelMode,
    Pixels,
    Recipe,
    Step,
    Toolchain,
    Workplace,
)
from slimbench.steps import images
from slimbench.tflite.edit import with_signature

Ranges = Literal["averaged", "widest"]
"""How an int8 tensor's range follows from the calibration images: see `Quantize`."""

DARKEST, BRIGHTEST = 0, 255

Floats = npt.NDArray[np.float32]
TensorRanges = Mapping[str, Any]
"""Each tensor's `min` and `max`, by its name, as the quantiser has them."""


@dataclass(frozen=True, slots=True)
class Quantize(Step):
    """Quantise a float model after training.

    `f16` stores weights in 16 bits, `dynamic_wi8` in 8 bits with float activations,
    `static_wi8_ai8` computes in 8 bits throughout and needs calibration `images`, fed as `pixels`
    says. A tensor's range is the quantiser's moving average over the images, or the `widest` of
    all. Pictures of two photographs make a network less sure of itself than real ones do; the
    average then lies so low that the highest scores of a real picture are all cut to one value. Of
    254 ImageNet photographs, SqueezeNet had 59 % right in float, 26 % averaged and 57 % widest; of
    2,000 of CIFAR-10's, a pruned ResNet-8 had 78.6, 77.6 and 79.0 %.
    """

    model: Step
    recipe: Recipe
    images: Step | None = None
    per_class: int = 10
    ranges: Ranges = "averaged"
    pixels: PixelMode = "raw"

    toolchain: ClassVar[Toolchain] = "quantizer"
    kind: ClassVar[Kind] = "convert"
    packages: ClassVar[tuple[str, ...]] = ("litert-quantizer", "ai-edge-litert", "numpy")

    def __post_init__(self) -> None:
        if (self.recipe == "static_wi8_ai8") != (self.images is not None):
            raise ValueError(f"{self.recipe}: calibration images go with static_wi8_ai8 alone.")

    def label(self) -> str:
        """Name the network and the recipe."""
        return f"{self.model.label()} {self.recipe}"

    def title(self) -> str:
        """Name the recipe."""
        return f"quantising {self.model.label()} to {self.recipe}"

    def cost(self) -> float:
        """Return the expected seconds."""
        if self.images is None:
            return 1.0
        return 15.0 if self.ranges == "widest" else 5.0

    def run(self, place: Workplace) -> None:
        """Write `model.tflite`."""
        from litert_quantizer import Quantizer

        source = place.inputs[0] / MODEL_FILE
        if self.images is None:
            quantised = Quantizer(str(source), quantiser_recipe(self.recipe)).quantize(None)
        else:
            shown = calibration_images(*images.training_images(place.inputs[1]), self.per_class)
            with tempfile.TemporaryDirectory() as folder:
                signed = Path(folder) / MODEL_FILE
                signed.write_bytes(with_signature(source.read_bytes()))
                ranges = self._ranges(signed, shown, place.advance)
                quantizer = Quantizer(str(signed), quantiser_recipe(self.recipe))
                quantised = quantizer.quantize(dict(ranges))
        if quantised.quantized_model is None:
            raise RuntimeError(f"The quantiser returned no model for {self.recipe}.")
        (place.out / MODEL_FILE).write_bytes(quantised.quantized_model)
        weights.write_notes(place.out, weights.read_notes(place.inputs[0]))

    def _ranges(self, model: Path, shown: Pixels, advance: Advance) -> TensorRanges:
        """Return each tensor's range over the images; input and output get their whole range."""
        signature, name, shape = _only_input(model)
        fed = [_fed(image, shape[-1], self.pixels) for image in shown]
        feeds = [{name: batch} for batch in fed]
        if self.ranges == "widest":
            ranges = widest_ranges(model, signature, feeds, advance)
        else:
            ranges = averaged_ranges(model, signature, feeds)
        return _widened(ranges, _ends(model, fed, self.pixels))


def calibration_images(pixels: Pixels, labels: Labels, per_class: int) -> Pixels:
    """Return an all-black and an all-white image, then the first images of each class.

    The quantiser keeps a moving average of each tensor's range, in which the last image weighs
    5 %; the two that no camera took come first so that they hardly count.
    """
    chosen = [np.flatnonzero(labels == label)[:per_class] for label in np.unique(labels)]
    shown = pixels[np.sort(np.concatenate(chosen))]
    ends = np.stack([np.full_like(shown[0], DARKEST), np.full_like(shown[0], BRIGHTEST)])
    return np.concatenate([ends, shown])


def quantiser_recipe(name: Recipe) -> Any:
    """Return the quantiser's own form of a recipe."""
    from litert_quantizer import recipe, recipe_manager

    if name == "dynamic_wi8":
        return recipe.dynamic_wi8_afp32()
    if name == "static_wi8_ai8":
        return recipe.static_wi8_ai8()
    manager = recipe_manager.RecipeManager()
    manager.add_weight_only_config(
        regex=".*",
        operation_name=recipe.TFLOperationName.ALL_SUPPORTED,
        num_bits=16,
        algorithm_key=recipe.AlgorithmName.FLOAT_CASTING,
    )
    return manager.get_quantization_recipe()


def averaged_ranges(model: Path, signature: str, feeds: list[dict[str, Floats]]) -> TensorRanges:
    """Return the quantiser's own ranges, moving averages over the images."""
    from litert_quantizer import Quantizer

    quantizer = Quantizer(str(model), quantiser_recipe("static_wi8_ai8"))
    ranges: TensorRanges = quantizer.calibrate({signature: feeds}, num_threads=1)
    return ranges


def widest_ranges(
    model: Path, signature: str, feeds: list[dict[str, Floats]], advance: Advance
) -> TensorRanges:
    """Return each tensor's smallest and largest value over the images."""
    from litert_quantizer import calibrator, recipe_manager
    from litert_quantizer.utils import qsv_utils

    manager = recipe_manager.RecipeManager()
    manager.load_quantization_recipe(quantiser_recipe("static_wi8_ai8"))
    calibration = calibrator.Calibrator(
        str(model),
        num_threads=1,
        mode=calibrator.CalibrationMode.CALIBRATION_PRESERVE_ALL_TENSORS,
        qsv_update_func=qsv_utils.min_max_update,
    )
    for done, feed in enumerate(feeds, 1):
        calibration.calibrate({signature: [feed]}, manager)
        advance(done, len(feeds), f"photograph {done} of {len(feeds)}")
    ranges: TensorRanges = calibration.get_model_qsvs()
    return ranges


def _only_input(model: Path) -> tuple[str, str, tuple[int, ...]]:
    """Return the signature's name, its input's name, and the input's shape."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(model))
    ((signature, tensors),) = interpreter.get_signature_list().items()
    (name,) = tensors["inputs"]
    (source,) = interpreter.get_input_details()
    return signature, name, tuple(int(size) for size in source["shape"])


def _fed(image: Pixels, channels: int, mode: PixelMode) -> Floats:
    """Return a batch of one as the float model takes it."""
    grey = channels == 1 and image.shape[-1] == 3
    return as_floats(luminance(image) if grey else image, mode)[np.newaxis]


def _ends(model: Path, fed: list[Floats], mode: PixelMode) -> dict[str, tuple[float, float]]:
    """Return the whole ranges of a model's input and output, by tensor name.

    The input's is what black to white become: with raw pixels one int8 step is one pixel step. The
    output's is that of all scores seen: a model need not end in probabilities, and scores that are
    cut off at one end would be equal.
    """
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(model), num_threads=1)
    interpreter.allocate_tensors()
    (source,), (result,) = interpreter.get_input_details(), interpreter.get_output_details()
    lows, highs = [], []
    for batch in fed:
        interpreter.set_tensor(source["index"], batch)
        interpreter.invoke()
        scores = interpreter.get_tensor(result["index"])
        lows.append(float(scores.min()))
        highs.append(float(scores.max()))
    reached = values(mode, fed[0].shape[-1])
    return {
        source["name"]: (float(reached.min()), float(reached.max())),
        result["name"]: (min(lows), max(highs)),
    }


def _widened(ranges: TensorRanges, ends: dict[str, tuple[float, float]]) -> TensorRanges:
    """Set the ranges of input and output, which a moving average misses."""
    exact = {
        name: {
            "min": np.full_like(ranges[name]["min"], low),
            "max": np.full_like(ranges[name]["max"], high),
        }
        for name, (low, high) in ends.items()
    }
    return {**ranges, **exact}
