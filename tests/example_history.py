"""A made-up history of a whole run, of the size and shape that a real one has."""

from __future__ import annotations

import base64
import functools
import hashlib
import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from pytest_benchmark.stats import Stats
from scipy.stats import binomtest

from slimbench.history.record import History, record
from slimbench.history.write import thin

IMAGES = 500
REFERENCE = "resnet50_f32"


class Model(NamedTuple):
    size: int
    size_gzip: int
    parameters: int
    sparsity: float
    milliseconds: float
    correct: int


MODELS = {
    "resnet50_f32": Model(94_301_244, 87_402_118, 23_481_802, 0.0, 8.31, 487),
    "resnet50_f16": Model(47_212_020, 43_500_771, 23_481_802, 0.0, 8.42, 487),
    "resnet50_dynamic_wi8": Model(24_020_336, 20_214_903, 23_481_802, 0.004, 3.44, 486),
    "resnet50_static_wi8_ai8": Model(24_310_512, 20_389_110, 23_481_802, 0.004, 1.92, 485),
    "resnet50_converter_dynamic_wi8": Model(24_018_912, 20_212_874, 23_481_802, 0.004, 3.41, 486),
    "resnet50_pruned50_f32": Model(94_301_244, 52_102_318, 23_481_802, 0.498, 8.27, 485),
    "resnet50_pruned50_static_wi8_ai8": Model(24_310_520, 14_011_008, 23_481_802, 0.501, 1.95, 484),
    "mobilenetv2_f32": Model(8_903_112, 8_198_231, 2_223_872, 0.0, 0.913, 484),
    "mobilenetv2_dynamic_wi8": Model(2_492_248, 2_001_944, 2_223_872, 0.006, 1.204, 483),
    "mobilenetv2_static_wi8_ai8": Model(2_634_840, 2_087_365, 2_223_872, 0.006, 0.611, 481),
    "mobilenetv2w035_f32": Model(1_640_220, 1_499_871, 410_208, 0.0, 0.362, 479),
    "student_scratch_f32": Model(148_332, 131_240, 34_442, 0.0, 0.121, 494),
    "student_distilled_f32": Model(148_332, 131_902, 34_442, 0.0, 0.122, 496),
    "student_distilled_static_wi8_ai8": Model(57_864, 41_377, 34_442, 0.003, 0.071, 495),
}
"""The variants of profile `digits`, with figures such as were seen on a 2-core machine."""


def document(
    threads: tuple[int, ...] = (1,),
    engines: tuple[str, ...] = ("litert",),
    status: str = "complete",
    profile: str = "digits",
) -> dict[str, Any]:
    """Return the history of a run of all variants; the same one for the same arguments."""
    run: dict[str, Any] = json.loads(_written(threads, engines, status, profile))
    return run


@functools.cache
def _written(threads: tuple[int, ...], engines: tuple[str, ...], status: str, profile: str) -> str:
    random = np.random.default_rng(7)
    run = {
        "machine_info": {
            "node": "build-3",
            "machine": "x86_64",
            "python_version": "3.11.9",
            "system": "Linux",
            "cpu": {"brand_raw": "Some CPU @ 2.10GHz", "count": 2},
        },
        "commit_info": {
            "id": "f0c7a1d2b3e4958677a8b9c0d1e2f3a4b5c6d7e8",
            "time": "2025-03-01T11:58:02+00:00",
            "author_time": "2025-03-01T11:58:02+00:00",
            "dirty": False,
            "project": "slimbench",
            "branch": "main",
        },
        "benchmarks": [
            _benchmark(name, engine, count, profile, random)
            for name in MODELS
            for engine in engines
            for count in threads
        ],
        "datetime": "2025-03-01T12:00:05.123456+00:00",
        "version": "5.3.1",
        "slimbench": {
            "schema": 1,
            "status": status,
            "profile": profile,
            "seed": 0,
            "versions": {"tensorflow": "2.21.0", "ai-edge-litert": "2.3.0"},
            "preflight": {
                "load_1m": 0.31,
                "steal_percent": 0.4,
                "governor": None,
                "cpu_flags": ["avx2", "avx512f"],
                "warnings": [],
            },
            "seconds": {
                "import": 12.1,
                "train": 301.0,
                "convert": 41.7,
                "measure": 48.8,
                "score": 21.3,
                "other": 4.2,
            },
            "budgets": [_budget(name) for name in MODELS],
            "missing": [],
        },
    }
    return json.dumps(run)


def history(run: dict[str, Any] | None = None) -> History:
    """Return a document, by default that of a whole run, as the readers see it."""
    return record(document() if run is None else run, Path("0001_example.json"))


def info(run: dict[str, Any], variant: str) -> dict[str, Any]:
    """Return the first `extra_info` of a variant, to change it."""
    infos = (benchmark["extra_info"] for benchmark in run["benchmarks"])
    return next(extra for extra in infos if extra["variant"] == variant)


def unmeasure(run: dict[str, Any], variant: str, key: str, reason: str) -> None:
    """Make a value null, as a run does that could not measure it."""
    extra = info(run, variant)
    extra[key] = None
    extra["reasons"][key] = reason


def break_budget(run: dict[str, Any], variant: str, value: float) -> None:
    """Have a variant's time budget be exceeded."""
    row = next(row for row in run["slimbench"]["budgets"] if row["variant"] == variant)
    row.update(value=value, verdict="fail")


def _benchmark(
    name: str, engine: str, threads: int, profile: str, random: np.random.Generator
) -> dict[str, Any]:
    model, reference = MODELS[name], MODELS[REFERENCE]
    slowdown = 0.55 + 0.45 / threads if threads > 1 else 1.0
    seconds = model.milliseconds * slowdown / 1000 * (1 + random.gamma(2, 0.02, size=640))
    stats = Stats()
    for sample in seconds.tolist():
        stats.update(sample)
    right = np.zeros(IMAGES, dtype=bool)
    right[random.permutation(IMAGES)[: model.correct]] = True
    interval = binomtest(model.correct, IMAGES).proportion_ci(method="wilson")
    low, median, high, highest = (
        float(value) for value in np.percentile(seconds * 1000, [0, 50, 90, 99])
    )
    case = f"{name}-{engine}-{threads}"
    pruned = "pruned" in name
    return {
        "group": "latency",
        "name": f"test_latency[{case}]",
        "fullname": f"bench/test_latency.py::test_latency[{case}]",
        "params": None,
        "param": case,
        "extra_info": {
            "variant": name,
            "reference": REFERENCE,
            "profile": profile,
            "dataset": "digits",
            "engine": engine,
            "threads": threads,
            "input_shape": [1, 32, 32, 3],
            "model_sha256": hashlib.sha256(name.encode()).hexdigest(),
            "model_file": f"ab/{name}/model.tflite",
            "size_bytes": model.size,
            "size_gzip_bytes": model.size_gzip,
            "parameters": model.parameters,
            "sparsity": model.sparsity,
            "sparsity_prunable": model.sparsity if pruned else None,
            "accuracy_top1": model.correct / IMAGES,
            "accuracy_n": IMAGES,
            "accuracy_ci95": [float(interval.low), float(interval.high)],
            "correct_bits": base64.b64encode(np.packbits(right).tobytes()).decode(),
            "eval_sha256": hashlib.sha256(b"digits").hexdigest(),
            "latency_ms": {
                "min": low,
                "p50": median,
                "p90": high,
                "p99": highest,
                "mean": float(seconds.mean() * 1000),
                "n": len(seconds),
            },
            "init_ms": 0.8 + model.size / 4e6,
            "first_invoke_ms": 2.5 * model.milliseconds,
            "peak_rss_mb": 9.5 + 2 * model.size / 2**20,
            "speedup": reference.milliseconds / model.milliseconds,
            "size_ratio": model.size / reference.size,
            "accuracy_drop": (reference.correct - model.correct) / IMAGES,
            "reasons": {} if pruned else {"sparsity_prunable": "no layer of it was pruned"},
        },
        "options": {"disable_gc": True, "timer": "perf_counter", "min_rounds": 5},
        "stats": {**stats.as_dict(), "data": thin(stats.data), "iterations": 1},
    }


def _budget(name: str) -> dict[str, Any]:
    value = MODELS[name].milliseconds / MODELS[REFERENCE].milliseconds
    return {
        "variant": name,
        "engine": "litert",
        "threads": 1,
        "budget": "latency_ratio_max",
        "limit": round(value + 0.1, 2),
        "value": value,
        "verdict": "pass",
    }
