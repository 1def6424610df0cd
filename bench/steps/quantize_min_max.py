"""Static int8 quantisation on the widest ranges seen.

The quantiser's own way is a moving average of each tensor's range over the calibration images.
Pictures of two photographs make a network less sure of itself than real ones do; the average then
lies so low that the highest scores of a real picture are all cut to the same value. Of 254
ImageNet photographs, SqueezeNet had 59 % right in float, 26 % averaged and 57 % this way; of 2,000
of CIFAR-10's, a pruned ResNet-8 had 78.6, 77.6 and 79.0 %.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from bench.spec import MODEL_FILE, Advance, Kind, Pixels, Step, Toolchain, Workplace
from bench.steps import images, quantize, trained

RECIPE: quantize.Recipe = "static_wi8_ai8"


@dataclass(frozen=True, slots=True)
class QuantizeMinMax:
    """Quantise a float model to int8 throughout, each tensor to the widest range it ever had."""

    model: Step
    images: Step
    per_class: int = 10

    toolchain: ClassVar[Toolchain] = "quantizer"
    kind: ClassVar[Kind] = "convert"
    packages: ClassVar[tuple[str, ...]] = ("litert-quantizer", "ai-edge-litert")
    seeded: ClassVar[bool] = False
    code: ClassVar[tuple[str, ...]] = (
        "bench.steps.images",
        "bench.steps.quantize",
        "bench.steps.trained",
    )

    @property
    def recipe(self) -> quantize.Recipe:
        """The quantiser's recipe, as of `Quantize`."""
        return RECIPE

    def label(self) -> str:
        """Name the network and the recipe."""
        return f"{self.model.label()} {RECIPE}"

    def title(self) -> str:
        """Name the recipe."""
        return f"quantising {self.model.label()} to {RECIPE}"

    def cost(self) -> float:
        """Expected seconds."""
        return 15.0

    def run(self, place: Workplace) -> None:
        """Write `model.tflite`."""
        from litert_quantizer import Quantizer

        source = place.inputs[0]
        model = source / MODEL_FILE
        shown = quantize.calibration_images(
            *images.training_images(place.inputs[1]), self.per_class
        )
        ranges = quantize._with_whole_pixels(_widest(model, shown, place.advance), model)
        quantised = Quantizer(str(model), quantize._recipe(RECIPE)).quantize(ranges)
        if quantised.quantized_model is None:
            raise RuntimeError(f"The quantiser returned no model for {RECIPE}.")
        (place.out / MODEL_FILE).write_bytes(quantised.quantized_model)
        trained.write_notes(place.out, trained.read_notes(source))


def _widest(model: Path, shown: Pixels, advance: Advance) -> dict[str, Any]:
    """Return each tensor's smallest and largest value over the images, as the quantiser has it."""
    from litert_quantizer import calibrator, recipe_manager
    from litert_quantizer.utils import qsv_utils

    manager = recipe_manager.RecipeManager()
    manager.load_quantization_recipe(quantize._recipe(RECIPE))
    calibration = calibrator.Calibrator(
        str(model),
        num_threads=1,
        mode=calibrator.CalibrationMode.CALIBRATION_PRESERVE_ALL_TENSORS,
        qsv_update_func=qsv_utils.min_max_update,
    )
    ((signature, feeds),) = quantize._feeds(model, shown).items()
    for done, feed in enumerate(feeds, 1):
        calibration.calibrate({signature: [feed]}, manager)
        advance(done, len(feeds), f"photograph {done} of {len(feeds)}")
    ranges: dict[str, Any] = calibration.get_model_qsvs()
    return ranges
