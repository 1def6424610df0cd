"""In which precision a `.tflite` file computes, by the names that its variants would have."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from slimbench.tflite.weights import Weight, read_weights

Precision = Literal["f32", "f16", "weights_wi8", "dynamic_wi8", "static_wi8_ai8"]

IN_WORDS: dict[Precision, str] = {
    "f32": "float weights",
    "f16": "weights in 16 bits (f16)",
    "weights_wi8": "weights in 8 bits or fewer, computed in float",
    "dynamic_wi8": "weights in 8 bits or fewer, activations quantised while running (dynamic_wi8)",
    "static_wi8_ai8": "8 bits or fewer throughout (static_wi8_ai8)",
}

FLOATS = frozenset({"float32", "float16", "float64", "bfloat16"})


def precision(model: Path) -> Precision | None:
    """Return a file's precision; None where its weights cannot be read, or it has none."""
    try:
        return of_weights(read_weights(model))
    except ValueError:  # the metrics say of the file what is wrong with it
        return None


def of_weights(found: Iterable[Weight]) -> Precision | None:
    """Return the precision that weights have, the lowest where they differ.

    Quantisers leave what is small or sensitive in float, so a part says what was done to a file.
    """
    kinds = {_kind(weight) for weight in found}
    order: tuple[Precision, ...] = ("static_wi8_ai8", "dynamic_wi8", "weights_wi8", "f16", "f32")
    return next((each for each in order if each in kinds), None)


def _kind(weight: Weight) -> Precision:
    if weight.dtype in FLOATS:
        return "f16" if weight.dtype == "float16" else "f32"
    if weight.unpacked:
        return "weights_wi8"
    return "dynamic_wi8" if weight.computed in FLOATS else "static_wi8_ai8"
