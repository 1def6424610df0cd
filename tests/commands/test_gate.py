"""`slimbench gate` as a user starts it, on real files."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from bench import cli
from bench.gate import judge as judge_module
from bench.history.write import save
from bench.places import CHECKOUT
from tests.gate import runs
from tests.gate.bad_models import hanging_model
from tests.tiny_models import linear_model


@pytest.fixture(autouse=True)
def _empty_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLIMBENCH_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("SLIMBENCH_MODELS", str(tmp_path / "models"))


def saved(folder: Path, name: str, model: Path, **values: Any) -> Path:
    made = runs.change(runs.run(), **values)
    return runs.saved(runs.with_model(made, model, folder / "models"), folder / name)


@pytest.fixture
def small(tmp_path: Path) -> Path:
    return linear_model(tmp_path / "small.tflite", np.full((20_000, 48), 0.5))


@pytest.fixture
def before(tmp_path: Path, small: Path) -> Path:
    return saved(tmp_path, "before.json", small)


def gate(*arguments: object) -> int:
    return cli.main(["gate", *map(str, arguments), "--processes", "4"])


def test_the_same_file_passes(before: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert gate(before, before) == 0
    assert "same file" in capsys.readouterr().out


def test_a_file_with_ten_times_the_work_is_red(
    tmp_path: Path, before: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    large = linear_model(tmp_path / "large.tflite", np.full((200_000, 48), 0.5))
    after = saved(tmp_path, "after.json", large)
    # Should the control find the machine too noisy, nothing is judged: then once more.
    status = next(
        (found for _ in range(3) if (found := gate(before, after, "--format=json")) != 3), 3
    )
    found = json.loads("{" + capsys.readouterr().out.rpartition("\n{")[2].lstrip("{"))
    assert status == 1
    assert found["verdict"] == "regression"
    (row,) = [row for row in found["cases"] if row["metric"] == "latency_ms.p50"]
    assert row["verdict"] == "regression"
    assert row["change"] > 1
    assert row["interval"][0] <= row["change"] <= row["interval"][1]
    assert row["candidate"] > row["baseline"]


def test_a_file_that_hangs_exits_2_and_is_named(
    tmp_path: Path, before: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    after = saved(tmp_path, "after.json", hanging_model(tmp_path / "bad.tflite"))
    assert gate(before, after, "--time-limit", "3") == 2
    assert "answered nothing for 3 s" in capsys.readouterr().out


def test_a_file_that_was_cut_off_exits_2(tmp_path: Path, before: Path, small: Path) -> None:
    bad = tmp_path / "bad.tflite"
    bad.write_bytes(small.read_bytes()[:900])
    assert gate(before, saved(tmp_path, "after.json", bad)) == 2


def test_one_byte_more_exits_1(tmp_path: Path, before: Path, small: Path) -> None:
    size = runs.run()["benchmarks"][0]["extra_info"]["size_bytes"]
    assert gate(before, saved(tmp_path, "after.json", small, size_bytes=size + 1)) == 1


def test_models_that_are_gone_exit_3_or_0_as_asked(tmp_path: Path, before: Path) -> None:
    after = runs.saved(runs.other_file(runs.run()), tmp_path / "after.json")
    assert gate(before, after) == 3
    assert gate(before, after, "--inconclusive", "pass") == 0


@pytest.mark.parametrize(
    "content", [b"", b"{", b"\xff\xfe\x00", b"[]", b'{"slimbench": {"schema": 1}}', b"NaN"]
)
def test_a_file_that_is_no_history_exits_2(
    tmp_path: Path, before: Path, content: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "broken.json"
    broken.write_bytes(content)
    assert gate(before, broken) == 2
    assert gate(broken, before) == 2
    assert "broken.json" in capsys.readouterr().err


def test_a_folder_a_missing_file_and_no_baseline_exit_2(tmp_path: Path, before: Path) -> None:
    assert gate(before, tmp_path) == 2
    assert gate(before, tmp_path / "none.json") == 2
    assert gate("baseline", before, "--results", tmp_path) == 2


def test_a_fault_of_the_gate_is_no_regression(
    before: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fault(*_: object, **__: object) -> None:
        raise AttributeError("no such thing")

    monkeypatch.setattr(judge_module, "judge", fault)
    assert gate(before, before) == 2
    assert "fault of the gate" in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["table", "json", "markdown", "junit"])
def test_the_output_goes_to_the_file_whole(tmp_path: Path, before: Path, kind: str) -> None:
    target = tmp_path / "out" / "verdict.txt"
    assert gate(before, before, "--format", kind, "--output", target) == 2
    target.parent.mkdir()
    assert gate(before, before, "--format", kind, "--output", target) == 0
    assert "pass" in target.read_text()
    assert list(target.parent.iterdir()) == [target]


def test_a_promoted_baseline_is_what_the_latest_run_is_held_against(
    tmp_path: Path, small: Path
) -> None:
    made = runs.with_model(runs.run(), small, tmp_path / "models")
    results = tmp_path / "results"
    save(made, results, "m")
    promote = ["promote", "latest", "--reason", "first", "--results", str(results)]
    assert cli.main([*promote, "--models", str(tmp_path / "models")]) == 0
    assert gate("baseline", "latest", "--results", results) == 0
    worse = runs.change(made, size_bytes=10**9)
    save(worse, results, "m")
    assert gate("--results", results) == 1


@pytest.mark.skipif(os.name != "posix", reason="interrupts as POSIX does")
def test_ctrl_c_leaves_no_child_and_no_file(tmp_path: Path, before: Path) -> None:
    after = saved(tmp_path, "after.json", hanging_model(tmp_path / "bad.tflite"))
    target = tmp_path / "verdict.txt"
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.cli", "gate", str(before), str(after), "--output", target],
        cwd=CHECKOUT,
        stderr=subprocess.PIPE,
    )
    started = psutil.Process(process.pid)
    deadline = time.monotonic() + 30
    while not (children := started.children(recursive=True)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert children
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 130
    assert errors.decode().strip().endswith("Interrupted.")
    psutil.wait_procs(children, timeout=10)
    assert not [child for child in children if child.is_running()]
    assert not [path for path in tmp_path.iterdir() if "verdict" in path.name]
