"""The ends of chains that families share: from a trained network to files of each precision."""

from __future__ import annotations

from slimbench.spec import Step, Variant
from slimbench.steps.export import Convert, Export
from slimbench.steps.quantize import Quantize, Ranges


def float_file(trained: Step) -> Step:
    """Return the chain from a trained network to its float `.tflite` file."""
    return Convert(Export(trained))


def variants(  # noqa: PLR0913 - what all forms of a network share
    dataset: str,
    stem: str,
    trained: Step,
    images: Step,
    precisions: tuple[str, ...],
    *,
    evaluation: Step | None = None,
    ranges: Ranges = "averaged",
) -> tuple[Variant, ...]:
    """Return `<stem>_<precision>` for each precision, all made from one trained network.

    `images` are used for calibration; `ranges` is passed to `Quantize`; `evaluation` is what all
    are scored on, if not the data set's own.
    """
    saved_model = Export(trained)
    source = Convert(saved_model)
    chains: dict[str, Step] = {
        "f32": source,
        "f16": Quantize(source, "f16"),
        "dynamic_wi8": Quantize(source, "dynamic_wi8"),
        "static_wi8_ai8": Quantize(source, "static_wi8_ai8", images, ranges=ranges),
        "converter_dynamic_wi8": Convert(saved_model, "dynamic_wi8"),
    }
    return tuple(
        Variant(
            f"{stem}_{each}", dataset, chains[each], trained if each == "f32" else None, evaluation
        )
        for each in precisions
    )
