from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from slimbench.history.document import HistoryError
from slimbench.history.record import load
from slimbench.spec import Case
from tests.example_history import IMAGES, MODELS, document, history, info, unmeasure


def refused(run: dict[str, Any]) -> str:
    with pytest.raises(HistoryError) as caught:
        history(run)
    return str(caught.value)


def test_load_gives_what_the_file_says(tmp_path: Path) -> None:
    run = document(threads=(1, 2))
    path = tmp_path / "run.json"
    path.write_text(json.dumps(run))
    loaded = load(path)
    assert (loaded.path, loaded.status, loaded.profile) == (path, "complete", "digits")
    assert [entry.case.threads for entry in loaded.entries[:2]] == [1, 2]
    assert len(loaded.entries) == 2 * len(MODELS)
    entry = loaded.entry(Case("mobilenetv2_f32", "litert", 2))
    assert entry is not None
    assert entry.size_bytes == MODELS["mobilenetv2_f32"].size
    assert entry.latency_ms is not None
    assert entry.latency_ms.p50 == run["benchmarks"][15]["extra_info"]["latency_ms"]["p50"]
    assert entry.samples == tuple(run["benchmarks"][15]["stats"]["data"])
    assert loaded.entry(Case("mobilenetv2_f32", "litert", 3)) is None
    assert loaded.seconds["train"] == 301.0
    assert loaded.preflight.cpu_flags == ("avx2", "avx512f")
    assert loaded.budgets[0].case == Case("resnet50_f32", "litert", 1)


def test_what_the_runtime_was_told_is_read_and_was_nothing_where_a_run_does_not_say() -> None:
    run = document()
    told = {"op_resolver": "BUILTIN_REF"}
    run["benchmarks"][1]["extra_info"]["runtime_options"] = told
    first, second, *_ = history(json.loads(json.dumps(run))).entries
    assert (first.runtime_options, second.runtime_options) == ({}, told)


def test_only_the_reference_is_the_reference() -> None:
    assert [entry.case.variant for entry in history().entries if entry.is_reference] == [
        "resnet50_f32"
    ]


def test_correct_answers_are_unpacked_in_evaluation_order() -> None:
    run = document()
    answers = np.arange(IMAGES) % 7 != 0
    extra = info(run, "mobilenetv2_f32")
    extra["correct_bits"] = base64.b64encode(np.packbits(answers).tobytes()).decode()
    extra["accuracy_top1"] = float(answers.mean())
    extra["accuracy_ci95"] = [0.8, 0.9]
    entry = history(run).entry(Case("mobilenetv2_f32", "litert", 1))
    assert entry is not None
    correct = entry.correct()
    assert correct is not None
    np.testing.assert_array_equal(correct, answers)


def test_what_was_not_measured_is_none_with_its_reason() -> None:
    run = document()
    for key in ("accuracy_top1", "accuracy_n", "accuracy_ci95", "correct_bits", "latency_ms"):
        unmeasure(run, "mobilenetv2_f32", key, "not asked for")
    entry = history(run).entry(Case("mobilenetv2_f32", "litert", 1))
    assert entry is not None
    assert entry.correct() is None
    assert entry.latency_ms is None
    assert entry.reasons["accuracy_n"] == "not asked for"


def test_a_case_that_is_there_twice_is_refused() -> None:
    run = document()
    run["benchmarks"].append(run["benchmarks"][0])
    assert "resnet50_f32-litert-1 twice" in refused(run)


def test_an_entry_of_another_profile_is_refused() -> None:
    run = document()
    info(run, "mobilenetv2_f32")["profile"] = "imagenet"
    assert "mobilenetv2_f32-litert-1 is of profile imagenet" in refused(run)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"accuracy_ci95": [0.1, 0.2]}, "does not contain"),
        ({"accuracy_n": 501}, "not the share"),
        ({"accuracy_n": 505}, "does not hold 505"),
        ({"correct_bits": "AAAA"}, "does not hold 500"),
        ({"correct_bits": "not base64!"}, "does not hold 500"),
        ({"correct_bits": base64.b64encode(bytes(63)).decode()}, "not the share"),
        (
            {"latency_ms": {"min": 1, "p50": 3, "p90": 2, "p99": None, "mean": 2, "n": 9}},
            "do not ascend",
        ),
    ],
)
def test_an_entry_that_contradicts_itself_is_refused(change: dict[str, Any], message: str) -> None:
    run = document()
    info(run, "mobilenetv2_f32").update(change)
    said = refused(run)
    assert message in said
    assert "mobilenetv2_f32-litert-1" in said
