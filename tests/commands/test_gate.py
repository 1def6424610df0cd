"""`slimbench gate` as a user starts it, on real files."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from slimbench import cli
from slimbench.gate import judge as judge_module
from slimbench.history.write import save
from slimbench.paths import CODE
from slimbench.run.preflight import cpu_seconds
from tests.build.recorder import wait_until
from tests.gate import runs
from tests.gate.bad_models import hanging_model
from tests.gate.environments import bare, with_runtime
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


@pytest.fixture
def same(before: Path) -> Path:
    """Another run with the same figures and file."""
    return Path(shutil.copy(before, before.with_name("same.json")))


def gate(*arguments: object) -> int:
    return cli.main(["gate", *map(str, arguments), "--processes", "4"])


def test_the_same_file_passes(before: Path, same: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert gate(before, same) == 0
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


def test_one_byte_more_exits_1_where_no_growth_is_allowed(
    tmp_path: Path, before: Path, small: Path
) -> None:
    size = runs.run()["benchmarks"][0]["extra_info"]["size_bytes"]
    after = saved(tmp_path, "after.json", small, size_bytes=size + 1)
    limits = tmp_path / "limits.toml"
    limits.write_text('[digits."*"]\nsize_growth_max = 0.0\n')
    assert gate(before, after, "--limits", limits) == 1
    assert gate(before, after) == 0


def test_a_file_of_another_training_passes(
    tmp_path: Path, before: Path, small: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One of another length by what its scales are packed in: up to 0.1 %, or 1 KiB."""
    size = runs.run()["benchmarks"][0]["extra_info"]["size_bytes"]
    assert gate(before, saved(tmp_path, "some.json", small, size_bytes=round(size * 1.0009))) == 0
    assert gate(before, saved(tmp_path, "more.json", small, size_bytes=round(size * 1.002))) == 1
    assert "the tolerance is 0.1 %" in capsys.readouterr().out


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
    before: Path, same: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fault(*_: object, **__: object) -> None:
        raise AttributeError("no such thing")

    monkeypatch.setattr(judge_module, "judge", fault)
    assert gate(before, same) == 2
    assert "fault of the gate" in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["table", "json", "markdown", "junit"])
def test_the_output_goes_to_the_file_whole(
    tmp_path: Path, before: Path, same: Path, kind: str
) -> None:
    target = tmp_path / "out" / "verdict.txt"
    assert gate(before, same, "--format", kind, "--output", target) == 2
    target.parent.mkdir()
    assert gate(before, same, "--format", kind, "--output", target) == 0
    assert "pass" in target.read_text()
    assert list(target.parent.iterdir()) == [target]


def test_one_run_of_the_gate_writes_every_report(
    tmp_path: Path, before: Path, same: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = ("gate.json", "gate.md", "gate.txt", "gate.xml")
    wanted = [f"--report={tmp_path / name}" for name in names]
    assert gate(before, same, *wanted) == 0
    assert json.loads((tmp_path / "gate.json").read_text())["verdict"] == "pass"
    assert (tmp_path / "gate.md").read_text().startswith("**pass**")
    assert (tmp_path / "gate.txt").read_text() == capsys.readouterr().out
    assert (tmp_path / "gate.xml").read_text().startswith("<?xml")


@pytest.mark.parametrize("name", ["gate.pdf", "gate", "none/gate.md", "."])
def test_a_report_that_cannot_be_written_is_refused_before_anything_is_timed(
    tmp_path: Path, before: Path, same: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(judge_module, "judge")
    assert gate(before, same, f"--report={tmp_path / name}") == 2


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


@pytest.fixture
def older(tmp_path: Path, small: Path) -> Path:
    """A baseline of an older runtime."""
    made = runs.run()
    made["slimbench"]["versions"]["ai-edge-litert"] = "2.2.0"
    return runs.saved(runs.with_model(made, small, tmp_path / "models"), tmp_path / "older.json")


@pytest.fixture
def env(tmp_path: Path) -> Path:
    return with_runtime(tmp_path / "env", "2.2.0")


def test_with_its_own_runtime_the_baseline_is_timed_and_that_is_the_first_line(
    older: Path, before: Path, env: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert gate(older, before) == 0
    assert capsys.readouterr().out.startswith("Runtime changed: the baseline was measured with")
    gate(older, before, "--runtime-baseline", env)
    shown = capsys.readouterr()
    first, second, *_ = shown.out.splitlines()
    assert first == (
        "Runtime changed, each side in its own environment: ai-edge-litert 2.2.0 | 2.3.0."
    )
    assert "before.json of 2025-03-01 12:00 UTC against older.json of 2025-03-01 12:00" in second
    assert "the baseline's resnet50_f32-litert-1 against itself" in shown.out
    assert "same file" not in shown.out
    assert "Timing 1 pair and a control in 4 processes, about" in shown.err


def test_another_version_than_the_baseline_s_is_not_timed_with(
    tmp_path: Path, older: Path, before: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = with_runtime(tmp_path / "other", "2.1.0")
    assert gate(older, before, "--runtime-baseline", other) == 3
    shown = capsys.readouterr()
    assert "its environment has 2.1.0" in shown.out.splitlines()[0]
    assert "Timing" not in shown.err


def test_an_environment_that_cannot_be_used_exits_2_before_anything_is_timed(
    tmp_path: Path, older: Path, before: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for where in (tmp_path / "nowhere", tmp_path, older, bare(tmp_path / "bare")):
        assert gate(older, before, "--runtime-baseline", where) == 2
        shown = capsys.readouterr()
        assert str(where) in shown.err
        assert shown.out == ""
        assert "Timing" not in shown.err


@pytest.mark.slow  # tests/gate/test_turns.py has a file that hangs either side
def test_a_file_that_hangs_one_of_two_environments_exits_2_with_both_named(
    tmp_path: Path, older: Path, env: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    after = saved(tmp_path, "after.json", hanging_model(tmp_path / "bad.tflite"))
    assert gate(older, after, "--time-limit", "3", "--runtime-baseline", env) == 2
    assert f"run with {sys.executable}, answered nothing for 3 s" in capsys.readouterr().out
    made = runs.with_model(json.loads(older.read_text()), tmp_path / "bad.tflite", tmp_path)
    runs.saved(made, older)
    assert gate(older, after, "--time-limit", "3", "--runtime-baseline", env) == 2
    assert f"run with {env / 'bin' / 'python'}, answered nothing" in capsys.readouterr().out
    assert psutil.Process().children(recursive=True) == []


@pytest.mark.parametrize("two", [False, pytest.param(True, marks=pytest.mark.slow)])
@pytest.mark.skipif(os.name != "posix", reason="interrupts as POSIX does")
def test_ctrl_c_leaves_no_child_and_no_file(tmp_path: Path, before: Path, two: bool) -> None:
    after = saved(tmp_path, "after.json", hanging_model(tmp_path / "bad.tflite"))
    target = tmp_path / "verdict.txt"
    own = ["--runtime-baseline", sys.executable] if two else []
    sides = [str(before), str(after), *own]
    process = subprocess.Popen(
        [sys.executable, "-m", "slimbench.cli", "gate", *sides, "--output", target],
        cwd=CODE,
        stderr=subprocess.PIPE,
    )
    started = psutil.Process(process.pid)
    children: list[psutil.Process] = []

    def one_hangs() -> bool:
        children[:] = started.children(recursive=True)
        return len(children) == 1 + two and any(cpu_seconds([each]) > 1 for each in children)

    wait_until(one_hangs, "a worker hangs in its file", 60)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors.decode().strip().endswith("Interrupted.")
    psutil.wait_procs(children, timeout=60)
    assert not [child for child in children if child.is_running()]
    assert not [path for path in tmp_path.iterdir() if "verdict" in path.name]


def test_a_run_is_not_held_against_itself(before: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert gate(before, before) == 2
    assert f"Baseline and candidate are one run, {before}" in capsys.readouterr().err
