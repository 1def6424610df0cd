"""Versions of tiny models for manifests: their files, and a history that measured them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from tests import example_history
from tests.tiny_models import SHAPE, Quantized, first_pixels, linear_model

FLOAT, INT8 = "student_distilled_f32", "student_distilled_static_wi8_ai8"
CLASSES = ("ant", "bee", "cat")


def put(
    folder: Path,
    variant: str = FLOAT,
    *,
    classes: int = len(CLASSES),
    quantized: Quantized | None = None,
    **changes: Any,
) -> dict[str, Any]:
    """Write a model and its history; returns what a manifest says of them."""
    model = linear_model(folder / f"{variant}.tflite", first_pixels(classes), quantized=quantized)
    sha256 = hashlib.sha256(model.read_bytes()).hexdigest()
    run = example_history.document()
    info = example_history.info(run, variant)
    info |= {"model_sha256": sha256, "input_shape": [1, *SHAPE], **changes}
    history = folder / f"{variant}.json"
    history.write_text(json.dumps(run), encoding="utf-8")
    return {
        "name": variant,
        "file": model.name,
        "sha256": sha256,
        "classes": list(CLASSES[:classes]),
        "accuracy": info["accuracy_top1"],
        "history": history.name,
    }


def toml(value: Any) -> str:
    """Write a value as TOML has it; JSON's strings, numbers, lists and booleans are."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(k)} = {toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value)


def write(folder: Path, versions: dict[str, dict[str, Any]], stable: str, tail: str = "") -> Path:
    """Write a manifest; `tail` is added to it as it is."""
    lines = [f"stable = {toml(stable)}"]
    for version, keys in versions.items():
        lines += ["", f"[versions.{toml(version)}]"]
        lines += [f"{key} = {toml(value)}" for key, value in keys.items()]
    path = folder / "manifest.toml"
    path.write_text("\n".join([*lines, "", tail]), encoding="utf-8")
    return path


def canary(version: str, weight: object) -> str:
    """Return the table that names a canary."""
    return f"[canary]\nversion = {toml(version)}\nweight = {toml(weight)}\n"
