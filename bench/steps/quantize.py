"""Quantising a finished float `.tflite` file with LiteRT's quantiser, without TensorFlow.

Starting from the file takes a second where converting the network again takes ten, and gives a
file of the same size and speed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from bench.spec import MODEL_FILE, Kind, Labels, Pixels, Step, Toolchain, Workplace
from bench.steps import images, trained

Recipe = Literal["f16", "dynamic_wi8", "static_wi8_ai8"]

DARKEST, BRIGHTEST = 0, 255


@dataclass(frozen=True, slots=True)
class Quantize:
    """Quantise a float model after training.

    `f16` stores weights in 16 bits, `dynamic_wi8` in 8 bits with float activations,
    `static_wi8_ai8` computes in 8 bits throughout and needs calibration images.
    """

    model: Step
    recipe: Recipe
    images: Step | None = None
    per_class: int = 10

    toolchain: ClassVar[Toolchain] = "quantizer"
    kind: ClassVar[Kind] = "convert"
    packages: ClassVar[tuple[str, ...]] = ("litert-quantizer", "ai-edge-litert")
    seeded: ClassVar[bool] = False
    code: ClassVar[tuple[str, ...]] = ("bench.steps.images", "bench.steps.trained")

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
        """Expected seconds."""
        return 5.0 if self.images is not None else 1.0

    def run(self, place: Workplace) -> None:
        """Write `model.tflite`."""
        from litert_quantizer import Quantizer

        source = place.inputs[0]
        quantizer = Quantizer(str(source / MODEL_FILE), _recipe(self.recipe))
        ranges = None
        if self.images is not None:
            shown = calibration_images(*images.training_images(place.inputs[1]), self.per_class)
            averaged = quantizer.calibrate(_feeds(source / MODEL_FILE, shown), num_threads=1)
            ranges = _with_whole_pixels(averaged, source / MODEL_FILE)
        quantised = quantizer.quantize(ranges).quantized_model
        if quantised is None:
            raise RuntimeError(f"The quantiser returned no model for {self.recipe}.")
        (place.out / MODEL_FILE).write_bytes(quantised)
        trained.write_notes(place.out, trained.read_notes(source))


def calibration_images(pixels: Pixels, labels: Labels, per_class: int) -> Pixels:
    """Return an all-black and an all-white image, then the first images of each class.

    The quantiser keeps a moving average of each tensor's range, in which the last image weighs
    5 %; the two that no camera took come first so that they hardly count.
    """
    chosen = [np.flatnonzero(labels == label)[:per_class] for label in np.unique(labels)]
    shown = pixels[np.sort(np.concatenate(chosen))]
    ends = np.stack([np.full_like(shown[0], DARKEST), np.full_like(shown[0], BRIGHTEST)])
    return np.concatenate([ends, shown])


def _with_whole_pixels(ranges: dict[str, Any], model: Any) -> dict[str, Any]:
    """Set the input's range to 0-255, which the average misses: one int8 step is one pixel step."""
    from ai_edge_litert.interpreter import Interpreter

    (pixels,) = Interpreter(model_path=str(model)).get_input_details()
    averaged = ranges[pixels["name"]]
    exact = {
        "min": np.full_like(averaged["min"], DARKEST),
        "max": np.full_like(averaged["max"], BRIGHTEST),
    }
    return {**ranges, pixels["name"]: exact}


def _recipe(name: Recipe) -> Any:
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


def _feeds(model: Any, shown: Pixels) -> dict[str, list[dict[str, Any]]]:
    """Return calibration images as the quantiser takes them: by signature and input name."""
    from ai_edge_litert.interpreter import Interpreter

    signatures = Interpreter(model_path=str(model)).get_signature_list()
    if len(signatures) != 1:
        raise ValueError(f"{model} has {len(signatures)} signatures; calibration needs just one.")
    ((signature, tensors),) = signatures.items()
    (name,) = tensors["inputs"]
    return {signature: [{name: image[np.newaxis].astype(np.float32)} for image in shown]}
