"""The ends of chains that families share: from a trained network to files of each precision."""

from __future__ import annotations

from bench.spec import Step, Variant
from bench.steps.export import Convert, Export
from bench.steps.quantize import Quantize


def float_file(trained: Step) -> Step:
    """Return the chain from a trained network to its float `.tflite` file."""
    return Convert(Export(trained))


def variants(
    dataset: str, stem: str, trained: Step, images: Step, precisions: tuple[str, ...]
) -> tuple[Variant, ...]:
    """Return `<stem>_<precision>` for each precision, all made from one trained network."""
    source = float_file(trained)
    chains: dict[str, Step] = {
        "f32": source,
        "f16": Quantize(source, "f16"),
        "dynamic_wi8": Quantize(source, "dynamic_wi8"),
        "static_wi8_ai8": Quantize(source, "static_wi8_ai8", images),
        "converter_dynamic_wi8": Convert(Export(trained), dynamic_range=True),
    }
    return tuple(Variant(f"{stem}_{each}", dataset, chains[each]) for each in precisions)
