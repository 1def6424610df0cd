"""Pairs of runs for the gate's tests, with real files where they are to be timed."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from slimbench.gate.cases import Pair, require_complete
from slimbench.history.record import History
from slimbench.spec import Case
from tests.example_history import document, history

VARIANT = "resnet50_f32"
CASE = Case(VARIANT, "litert", 1)


def run(*variants: str) -> dict[str, Any]:
    """Return the history of a run of these variants, by default of the reference alone."""
    made = document()
    kept = variants or (VARIANT,)
    made["benchmarks"] = [
        each for each in made["benchmarks"] if each["extra_info"]["variant"] in kept
    ]
    made["slimbench"]["budgets"] = []
    return made


def change(made: dict[str, Any], variant: str = VARIANT, **values: Any) -> dict[str, Any]:
    """Set keys of a variant's `extra_info`; None comes with a reason."""
    for each in made["benchmarks"]:
        info = each["extra_info"]
        if info["variant"] == variant:
            for key, value in values.items():
                info[key] = value
                if value is None:
                    info["reasons"][key] = "nobody could tell"
                else:
                    info["reasons"].pop(key, None)
    return made


def answers(made: dict[str, Any], correct: np.ndarray, variant: str = VARIANT) -> dict[str, Any]:
    """Set which images a variant got right, and what follows from it."""
    share = float(correct.mean())
    return change(
        made,
        variant,
        correct_bits=base64.b64encode(np.packbits(correct).tobytes()).decode(),
        accuracy_n=len(correct),
        accuracy_top1=share,
        accuracy_ci95=[max(0.0, share - 0.05), min(1.0, share + 0.05)],
    )


def other_file(made: dict[str, Any], variant: str = VARIANT, name: str = "new") -> dict[str, Any]:
    """Have a variant's file be another one than in `run`."""
    sha256 = hashlib.sha256(name.encode()).hexdigest()
    return change(made, variant, model_sha256=sha256, model_file=f"ab/{name}/model.tflite")


def with_model(
    made: dict[str, Any], model: Path, folder: Path, variant: str = VARIANT
) -> dict[str, Any]:
    """Have a variant's file be `model`, and keep it in a folder of models."""
    sha256 = hashlib.sha256(model.read_bytes()).hexdigest()
    folder.mkdir(exist_ok=True)
    shutil.copy(model, folder / f"{sha256}.tflite")
    return change(made, variant, model_sha256=sha256, model_file=f"ab/{sha256}/model.tflite")


def side(made: dict[str, Any]) -> History:
    """Return a run as the gate takes it."""
    return require_complete(history(made))


def saved(made: dict[str, Any], path: Path) -> Path:
    """Write a run's history."""
    path.write_text(json.dumps(made))
    return path


def pair(baseline: dict[str, Any], candidate: dict[str, Any], variant: str = VARIANT) -> Pair:
    """Return one case of both runs."""
    case = Case(variant, "litert", 1)
    before, after = side(baseline).entry(case), side(candidate).entry(case)
    assert before is not None
    assert after is not None
    return Pair(before, after)
