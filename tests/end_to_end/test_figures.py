"""Every figure of a real run, worked out again from the files by code that shares nothing."""

from __future__ import annotations

import base64
import gzip
import hashlib
import math
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from ai_edge_litert.interpreter import Interpreter

from tests.end_to_end.conftest import FLOAT, QUICK, FirstRun
from tests.end_to_end.suite import Suite

Z = 1.959963984540054
"""The 97.5 % point of the normal distribution."""

WEIGHTED = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")


@pytest.fixture(scope="module")
def evaluation(later: Suite) -> dict[str, npt.NDArray[Any]]:
    """What `slimbench data` writes for the profile."""
    file = later.home / "evaluation.npz"
    done = later.slimbench("data", "quick", "--out", str(file))
    assert done.status == 0, done.err
    assert done.err == ""
    with np.load(file) as arrays:
        written = dict(arrays)
    file.unlink()
    assert done.out == (
        f"{file}: 500 images of 32 x 32 x 3, eval_sha256 {written['eval_sha256']}\n"
    )
    return written


def model(first: FirstRun, variant: str) -> Path:
    return first.suite.store / str(first.cases[variant]["model_file"])


def right(path: Path, images: npt.NDArray[np.uint8], labels: npt.NDArray[np.int64]) -> list[bool]:
    """Classify each image as DESIGN's formula says, with the bare runtime."""
    interpreter = Interpreter(model_path=str(path), num_threads=1)
    interpreter.allocate_tensors()
    (source,) = interpreter.get_input_details()
    (result,) = interpreter.get_output_details()
    scale, zero_point = source["quantization"]
    flags = []
    for image, label in zip(images, labels, strict=True):
        value: npt.NDArray[Any] = image[None].astype(np.float32)
        if source["dtype"] is not np.float32:
            limits = np.iinfo(source["dtype"])
            steps = np.round(image[None].astype(np.float64) / scale) + zero_point
            value = np.clip(steps, limits.min, limits.max).astype(source["dtype"])
        interpreter.set_tensor(source["index"], value)
        interpreter.invoke()
        flags.append(int(np.argmax(interpreter.get_tensor(result["index"])[0])) == label)
    return flags


def test_the_evaluation_data_is_what_its_hash_says(
    first: FirstRun, evaluation: dict[str, npt.NDArray[Any]]
) -> None:
    images, labels = evaluation["images"], evaluation["labels"]
    assert images.dtype == np.uint8
    assert images.shape == (500, 32, 32, 3)
    assert images.flags.c_contiguous
    assert labels.dtype == np.int64
    assert evaluation["classes"].tolist() == list("0123456789")
    sha256 = hashlib.sha256(images.tobytes() + labels.tobytes()).hexdigest()
    assert str(evaluation["eval_sha256"]) == sha256
    assert {info["eval_sha256"] for info in first.cases.values()} == {sha256}


@pytest.mark.parametrize("variant", QUICK)
def test_accuracy(first: FirstRun, evaluation: dict[str, npt.NDArray[Any]], variant: str) -> None:
    info = first.cases[variant]
    flags = right(model(first, variant), evaluation["images"], evaluation["labels"])
    total, correct = len(flags), sum(flags)
    assert base64.b64decode(info["correct_bits"]) == np.packbits(flags).tobytes()
    assert info["accuracy_n"] == total
    assert info["accuracy_top1"] == correct / total
    share = correct / total
    centre = (share + Z**2 / (2 * total)) / (1 + Z**2 / total)
    spread = share * (1 - share) / total + Z**2 / (4 * total**2)
    half = Z / (1 + Z**2 / total) * math.sqrt(spread)
    assert info["accuracy_ci95"] == pytest.approx([centre - half, centre + half], abs=1e-9)
    reference = first.cases[FLOAT]["accuracy_top1"]
    assert info["accuracy_drop"] == pytest.approx(reference - share)


@pytest.mark.parametrize("variant", QUICK)
def test_size(first: FirstRun, variant: str) -> None:
    info = first.cases[variant]
    content = model(first, variant).read_bytes()
    assert info["model_sha256"] == hashlib.sha256(content).hexdigest()
    assert info["size_bytes"] == len(content)
    assert info["size_gzip_bytes"] == len(gzip.compress(content, 9, mtime=0))
    reference = model(first, FLOAT).stat().st_size
    assert info["size_ratio"] == pytest.approx(len(content) / reference)


@pytest.mark.parametrize("variant", [FLOAT, *QUICK[2:]])
def test_parameters_and_zeros(first: FirstRun, variant: str) -> None:
    """Not of the float16 file, whose operators see what DEQUANTIZE makes of its weights."""
    interpreter = Interpreter(model_path=str(model(first, variant)))
    interpreter.allocate_tensors()
    operators = [each for each in interpreter._get_ops_details() if each["op_name"] in WEIGHTED]  # noqa: SLF001
    kernels = {int(each["inputs"][1]) for each in operators}
    biases = {int(each["inputs"][2]) for each in operators}
    weights = np.concatenate([interpreter.get_tensor(index).ravel() for index in kernels])
    info = first.cases[variant]
    assert info["parameters"] == len(weights) + sum(
        interpreter.get_tensor(index).size for index in biases
    )
    # The quantiser's weights are symmetric, so that a stored 0 stands for 0.
    assert info["sparsity"] == float(np.mean(weights == 0))


def test_latency_is_what_pytest_benchmark_timed(first: FirstRun) -> None:
    for benchmark in first.document["benchmarks"]:
        latency, stats = benchmark["extra_info"]["latency_ms"], benchmark["stats"]
        assert stats["iterations"] == 1
        assert latency["n"] == stats["rounds"]
        assert latency["n"] >= 30
        assert len(stats["data"]) == min(200, latency["n"])
        assert latency["min"] == pytest.approx(stats["min"] * 1e3)
        assert latency["p50"] == pytest.approx(stats["median"] * 1e3)
        assert latency["mean"] == pytest.approx(stats["mean"] * 1e3)
        highest = [latency["p90"], latency["p99"]] if latency["n"] >= 100 else [latency["p90"]]
        assert [stats["median"] * 1e3, *highest, stats["max"] * 1e3] == sorted(
            [stats["median"] * 1e3, *highest, stats["max"] * 1e3]
        )
        if latency["n"] == len(stats["data"]):
            p50, p90 = np.percentile(np.array(stats["data"]) * 1e3, [50, 90])
            assert (latency["p50"], latency["p90"]) == pytest.approx((p50, p90))
        assert all(stats["min"] <= sample <= stats["max"] for sample in stats["data"])


def test_a_fresh_process_was_timed_and_weighed(first: FirstRun) -> None:
    for info in first.cases.values():
        assert info["init_ms"] > 0
        assert info["first_invoke_ms"] > 0
        # Loading a model takes at least some of its file into memory, and it is a small one.
        assert info["size_bytes"] / 2**20 < info["peak_rss_mb"] < 500


def test_speed_is_relative_to_the_reference(first: FirstRun) -> None:
    assert first.cases[FLOAT]["speedup"] == 1
    for variant in QUICK[1:]:
        assert first.cases[variant]["reference"] == FLOAT
        assert first.cases[variant]["speedup"] > 0
    # One of them may happen to take exactly as long as the reference.
    assert any(first.cases[variant]["speedup"] != 1 for variant in QUICK[1:])
