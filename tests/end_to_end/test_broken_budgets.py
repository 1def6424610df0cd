"""Budgets that are not kept, and budget files that cannot be used."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.end_to_end.suite import Suite

BROKEN = {
    "size_bytes_max": 1,
    "accuracy_top1_min": 1.0,
    "latency_ratio_max": 0.001,
}


def test_each_group_fails_with_one_sentence_and_the_history_says_so(
    suite: Suite, toml: Callable[[str], Path]
) -> None:
    limits = "\n".join(f"{name} = {limit}" for name, limit in BROKEN.items())
    file = toml(f'[quick."*"]\n{limits}\nparameters_max = 10_000_000\n')
    done = suite.run("-k", "dynamic", "--budgets", str(file))
    assert done.status == 1
    for group, name in zip(("size", "accuracy", "latency"), BROKEN, strict=True):
        title = rf"_+ test_{group}\[student_scratch_dynamic_wi8-litert-1\] _+\n"
        (failure,) = re.findall(title + r"((?:[^_=].*\n)+)", done.out)
        assert failure.startswith("student_scratch_dynamic_wi8: ")
        assert f" its limit {name} = " in failure
        assert failure.count("\n") == 1
    rows = suite.history()["slimbench"]["budgets"]
    verdicts = {row["budget"]: row["verdict"] for row in rows}
    assert verdicts == {**dict.fromkeys(BROKEN, "fail"), "parameters_max": "pass"}
    for row in rows:
        low, high = row["value"] < row["limit"], row["value"] > row["limit"]
        assert (row["verdict"] == "fail") == (low if row["budget"].endswith("_min") else high)
    assert "Broken budgets:" in done.out


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ('[quick."*"]\nsize_max = 3\n', 2, "size_mb_max"),
        pytest.param(
            '[quick."*"]\nlatency_s_max = 3\n', 2, "latency_ms_max", marks=pytest.mark.slow
        ),
        pytest.param(
            '[quick."*"]\n\nbeauty_min = 3\n', 3, "accuracy_top1_min", marks=pytest.mark.slow
        ),
        pytest.param(
            "[quick.student_f64]\nsize_mb_max = 3\n",
            1,
            "student_scratch_f16",
            marks=pytest.mark.slow,
        ),
        pytest.param('[slow."*"]\nsize_mb_max = 3\n', 1, "digits", marks=pytest.mark.slow),
        ('[quick."*"]\naccuracy_top1_min = 95\n', 2, "0.95"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_its_line(
    suite: Suite, toml: Callable[[str], Path], text: str, line: int, said: str
) -> None:
    file = toml(text)
    done = suite.run("--budgets", str(file))
    assert done.status == 4
    assert done.err.startswith(f"ERROR: {file}:{line}: ")
    assert said in done.err
    assert "Building" not in done.out
    assert not suite.results.exists()
