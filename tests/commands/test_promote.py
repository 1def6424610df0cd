from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from slimbench.cli import main
from slimbench.commands import promote
from slimbench.gate.baseline import load_baseline
from slimbench.history.write import save
from tests.example_history import break_budget, document, info


@pytest.fixture(autouse=True)
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLIMBENCH_STORE", str(tmp_path / "store"))
    monkeypatch.delenv("SLIMBENCH_MODELS", raising=False)


def run_of(tmp_path: Path, **changes: Any) -> dict[str, Any]:
    """Return a run of two cases whose model files are in the artifact store."""
    run = document(**changes)
    del run["benchmarks"][2:]
    for benchmark in run["benchmarks"]:
        extra = benchmark["extra_info"]
        content = f"the model {extra['variant']}".encode()
        extra["model_sha256"] = hashlib.sha256(content).hexdigest()
        path = tmp_path / "store" / extra["model_file"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return run


def promoted(tmp_path: Path, *arguments: str, reason: str = "it is the first") -> int:
    results = str(tmp_path / "results")
    return main(["promote", *arguments, "--reason", reason, "--results", results])


def baseline_of(tmp_path: Path) -> Path:
    return tmp_path / "results" / "baselines" / "digits.json"


def saved(tmp_path: Path, run: dict[str, Any]) -> Path:
    return save(run, tmp_path / "results", "m")


def test_a_run_becomes_the_baseline_of_its_profile(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = saved(tmp_path, run_of(tmp_path))
    assert promoted(tmp_path, "latest") == 0
    baseline = load_baseline(baseline_of(tmp_path))
    assert (baseline.run_file, baseline.promotion.reason) == (path.name, "it is the first")
    said = capsys.readouterr().out
    assert "2 cases of 0001_" in said
    assert "first baseline of digits" in said
    assert "2 of 2 are in the artifact store" in said
    assert "stay only there" in said


def test_models_are_kept_by_their_hash(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = run_of(tmp_path)
    saved(tmp_path, run)
    models = tmp_path / "models"
    assert promoted(tmp_path, "1", "--models", str(models)) == 0
    assert f"2 copied to {models}, 0 were there" in capsys.readouterr().out
    hashes = {each["extra_info"]["model_sha256"] for each in run["benchmarks"]}
    assert {path.name for path in models.iterdir()} == {f"{sha256}.tflite" for sha256 in hashes}
    for path in models.iterdir():
        assert hashlib.sha256(path.read_bytes()).hexdigest() == path.stem


def test_the_environment_names_the_location_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    saved(tmp_path, run_of(tmp_path))
    monkeypatch.setenv("SLIMBENCH_MODELS", str(tmp_path / "models"))
    assert promoted(tmp_path, "1") == 0
    assert len(list((tmp_path / "models").iterdir())) == 2
    capsys.readouterr()
    for path in (tmp_path / "store").rglob("*.tflite"):
        path.unlink()
    assert promoted(tmp_path, "1") == 0
    assert "0 copied" in capsys.readouterr().out


@pytest.mark.parametrize("fault", ["gone", "changed", "outside"])
def test_without_its_models_nothing_is_promoted_to_another_machine(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], fault: str
) -> None:
    run = run_of(tmp_path)
    model = tmp_path / "store" / info(run, "resnet50_f16")["model_file"]
    if fault == "gone":
        model.unlink()
    elif fault == "changed":
        model.write_bytes(b"something else")
    else:
        outside = tmp_path / "model.tflite"
        outside.write_bytes(model.read_bytes())
        info(run, "resnet50_f16")["model_file"] = "../model.tflite"
    saved(tmp_path, run)
    assert promoted(tmp_path, "1", "--models", str(tmp_path / "models")) == 2
    said = capsys.readouterr().err
    assert {
        "gone": "make bench PROFILE=digits",
        "changed": "is not the model that was measured",
    }.get(fault, "outside the artifact store") in said
    assert not baseline_of(tmp_path).exists()


@pytest.mark.parametrize("status", ["partial", "interrupted"])
def test_an_unfinished_run_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], status: str
) -> None:
    saved(tmp_path, run_of(tmp_path, status=status))
    for what in ("1", "latest"):
        assert promoted(tmp_path, what) == 2
        assert f"is {status}" in capsys.readouterr().err
    assert not baseline_of(tmp_path).exists()


def test_a_broken_budget_takes_a_word_more(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = run_of(tmp_path)
    break_budget(run, "resnet50_f16", 3.0)
    saved(tmp_path, run)
    assert promoted(tmp_path, "1") == 2
    assert "--despite-budgets" in capsys.readouterr().err
    assert promoted(tmp_path, "1", "--despite-budgets") == 0
    assert len(load_baseline(baseline_of(tmp_path)).history.budgets) == 1


def test_an_empty_reason_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    saved(tmp_path, run_of(tmp_path))
    assert promoted(tmp_path, "1", reason="  ") == 2
    assert "needs a reason" in capsys.readouterr().err
    with pytest.raises(SystemExit) as left:
        main(["promote", "1"])
    assert left.value.code == 2


def test_what_is_replaced_and_no_longer_guarded_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = run_of(tmp_path)
    saved(tmp_path, run)
    assert promoted(tmp_path, "1") == 0
    run["benchmarks"].pop()
    run["commit_info"]["dirty"] = True
    run["slimbench"]["missing"] = [{"variant": "resnet50_f16", "reason": "no weights"}]
    saved(tmp_path, run)
    capsys.readouterr()
    assert promoted(tmp_path, "2", reason="weights are away") == 0
    said = capsys.readouterr().out
    assert "replaces 0001_" in said
    assert "(it is the first)" in said
    assert "no longer guarded: resnet50_f16-litert-1" in said
    assert "could not have and the baseline lacks: resnet50_f16" in said
    assert "not committed" in said


def test_of_a_users_own_models_no_commit_is_spoken(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = run_of(tmp_path)
    run["commit_info"]["dirty"] = True
    run["slimbench"]["profile"] = "own"
    for benchmark in run["benchmarks"]:
        benchmark["extra_info"]["profile"] = "own"
    saved(tmp_path, run)
    assert promoted(tmp_path, "1") == 0
    said = capsys.readouterr().out
    assert "first baseline of own" in said
    assert "commit alone" not in said


def test_a_damaged_baseline_can_be_replaced(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    saved(tmp_path, run_of(tmp_path))
    baseline_of(tmp_path).parent.mkdir()
    baseline_of(tmp_path).write_text("{")
    assert promoted(tmp_path, "1") == 0
    assert "could not be read" in capsys.readouterr().out
    assert load_baseline(baseline_of(tmp_path)).history.profile == "digits"


def test_a_folder_that_cannot_be_written_is_an_error_in_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    saved(tmp_path, run_of(tmp_path))
    (tmp_path / "results" / "baselines").write_text("in the way")
    assert promoted(tmp_path, "1") == 2
    said = capsys.readouterr().err
    assert "baselines" in said
    assert "Traceback" not in said


def test_who_promoted_is_git_s_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved(tmp_path, run_of(tmp_path))
    for key, value in {"COUNT": "1", "KEY_0": "user.name", "VALUE_0": "Ada L."}.items():
        monkeypatch.setenv(f"GIT_CONFIG_{key}", value)
    assert promoted(tmp_path, "1") == 0
    assert load_baseline(baseline_of(tmp_path)).promotion.by == "Ada L."
    monkeypatch.setattr(promote.shutil, "which", lambda _: None)
    assert promoted(tmp_path, "1") == 0
    assert load_baseline(baseline_of(tmp_path)).promotion.by is None
