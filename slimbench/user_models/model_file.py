"""A user's `.tflite` file: its image size, its number of classes, its integers, its precision.

All but the precision is asked of the runtime in a process of its own with a time limit, because an
untrusted file can crash or hang it, and a run should end with a sentence then.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from slimbench import child_process
from slimbench.child_process import python_module
from slimbench.engines.tensors import Quantization, quantization
from slimbench.errors import UsageProblem
from slimbench.tflite.weights import Weight, read_weights

TIME_LIMIT = 120.0
"""Seconds within which a model must load and answer once; the largest here take one."""

CHANNELS = (1, 3)

Precision = Literal["f32", "f16", "weights_wi8", "dynamic_wi8", "static_wi8_ai16", "static_wi8_ai8"]

IN_WORDS: dict[Precision, str] = {
    "f32": "float weights",
    "f16": "weights in 16 bits (f16)",
    "weights_wi8": "weights in 8 bits or fewer, computed in float",
    "dynamic_wi8": "weights in 8 bits or fewer, activations quantised while running (dynamic_wi8)",
    "static_wi8_ai16": "weights in 8 bits or fewer, activations in 16 (16x8)",
    "static_wi8_ai8": "8 bits or fewer throughout (static_wi8_ai8)",
}

FLOATS = frozenset({"float32", "float16", "float64", "bfloat16"})


@dataclass(frozen=True, slots=True)
class ModelFile:
    """An image classifier as its file describes it.

    `quantization` is that of the input, None where it takes floats.
    """

    height: int
    width: int
    channels: int
    classes: int
    quantization: Quantization | None

    @property
    def is_float(self) -> bool:
        """Whether it takes floats."""
        return self.quantization is None


def inspect(path: Path, called: Path | None = None, limit: float = TIME_LIMIT) -> ModelFile:
    """Return what a `.tflite` file describes; raises UsageProblem, naming the file.

    Args:
        path: the file.
        called: what to call it, where its user knows it by another path.
        limit: seconds after which it is taken to hang.
    """
    name = called or path
    child = python_module("slimbench.user_models.inspect_child", str(path.absolute()))
    done = child_process.run(child, limit)
    if done.status is None:
        raise UsageProblem(
            f"{name} did not answer within {limit:g} s, so it cannot be measured here. "
            "Try it on a faster machine, or name a smaller model."
        )
    if done.status != 0:
        raise UsageProblem(
            f"{name} crashed LiteRT ({done.ending}): the file is damaged, or made for "
            "another runtime. Build or copy it again."
        )
    report: dict[str, Any] = json.loads(done.output)
    try:
        if "problem" not in report:
            return describe(report)
        if report["inputs"]:  # an input that cannot be fed explains more than what came of it
            _image_shape(_sole(report["inputs"], "input"))
    except ValueError as error:
        raise UsageProblem(f"{name} cannot be measured: {error}.") from error
    raise UsageProblem(f"LiteRT cannot run {name}: {_explained(report['problem'])}")


def describe(report: Mapping[str, Any]) -> ModelFile:
    """Return the classifier that these inputs and outputs make; raises ValueError saying why not.

    `report` is what `slimbench.user_models.inspect_child` prints.
    """
    source, result = _sole(report["inputs"], "input"), _sole(report["outputs"], "output")
    height, width, channels = _image_shape(source)
    classes = result["shape"][-1] if result["shape"] else 1
    if np.prod(result["shape"]) != classes:
        raise ValueError(
            f"its output has shape {tuple(result['shape'])}, where an image classifier gives one "
            "row of class scores; only classifiers can be measured"
        )
    if classes < 2:
        raise ValueError(
            "it gives a single score, where a classifier gives one for each class; convert it with "
            "an output for each of its classes"
        )
    _quantization(result)
    return ModelFile(height, width, channels, classes, _quantization(source))


def precision(model: Path) -> Precision | None:
    """Return a file's precision; None where its weights cannot be read, or it has none."""
    try:
        return of_weights(read_weights(model))
    except ValueError:  # the metrics say of the file what is wrong with it
        return None


def of_weights(counted: Iterable[Weight]) -> Precision | None:
    """Return the precision that weights have, the lowest where they differ.

    Quantisers leave what is small or sensitive in float, so a part says what was done to a file.
    """
    kinds = {_kind(weight) for weight in counted}
    lowest_first: tuple[Precision, ...] = (
        *("static_wi8_ai8", "static_wi8_ai16", "dynamic_wi8", "weights_wi8", "f16", "f32"),
    )
    return next((kind for kind in lowest_first if kind in kinds), None)


def _sole(tensors: list[dict[str, Any]], what: str) -> dict[str, Any]:
    if len(tensors) != 1:
        names = ", ".join(tensor["name"] for tensor in tensors) or "none"
        raise ValueError(
            f"it has {len(tensors)} {what}s ({names}), where an image classifier has one; convert "
            f"it again with a single {what}"
        )
    return tensors[0]


def _image_shape(source: Mapping[str, Any]) -> tuple[int, int, int]:
    shape = tuple(source["shape"])
    signature = tuple(source["signature"]) or shape
    if len(shape) != 4:
        raise ValueError(
            f"its input has shape {shape}, where images have (1, height, width, channels); convert "
            "it again with an image as its input"
        )
    if any(size < 1 for size in signature[1:]):
        sizes = ", ".join("?" if size < 1 else str(size) for size in signature)
        raise ValueError(
            f"the size of its input is not fixed ({sizes}); convert it again with a fixed height "
            "and width"
        )
    if shape[0] != 1:
        raise ValueError(
            f"it takes {shape[0]} images at once; convert it again with a batch size of 1"
        )
    if shape[3] not in CHANNELS and shape[1] in CHANNELS:
        raise ValueError(
            f"its input has shape {shape}, channels first; convert it again with channels last"
        )
    if shape[3] not in CHANNELS:
        raise ValueError(
            f"its input has {shape[3]} channels, where images have 3 (RGB) or 1 (grey); convert it "
            "again with an input of those"
        )
    return shape[1], shape[2], shape[3]


def _quantization(tensor: Mapping[str, Any]) -> Quantization | None:
    return quantization(
        tensor["name"],
        np.dtype(tensor["dtype"]),
        np.asarray(tensor["scales"]),
        np.asarray(tensor["zero_points"]),
    )


def _explained(problem: str) -> str:
    """Say what an error of the runtime means for whoever brought the file."""
    if "custom op" in problem or "Flex" in problem:
        match = re.search(r"custom op: ([\w.:-]*\w)", problem)
        which = f" {match[1]}" if match else ""
        return (
            f"it needs the operator{which}, which this runtime does not have. Convert it again "
            "with TensorFlow Lite's built-in operators alone."
        )
    if "builtin opcode" in problem or "op_resolver" in problem or "Didn't find op" in problem:
        return (
            "it needs an operator, or a version of one, that this runtime does not have "
            f"({problem}). Convert it again with TensorFlow Lite's built-in operators, or install "
            "a newer ai-edge-litert."
        )
    return f"{problem.rstrip('.')}. Build or copy it again."


def _kind(weight: Weight) -> Precision:
    if weight.dtype in FLOATS:
        return "f16" if weight.dtype == "float16" else "f32"
    if weight.unpacked:
        return "weights_wi8"
    if weight.computed in FLOATS:
        return "dynamic_wi8"
    return "static_wi8_ai16" if weight.computed == "int16" else "static_wi8_ai8"
