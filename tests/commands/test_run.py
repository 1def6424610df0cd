from __future__ import annotations

from pathlib import Path

import pytest

from slimbench import cli
from slimbench.paths import CODE
from slimbench.run.options import OPTIONS


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What pytest was called with; it ends well."""
    calls: list[list[str]] = []

    def main(arguments: list[str]) -> pytest.ExitCode:
        calls.append(arguments)
        return pytest.ExitCode.OK

    monkeypatch.setattr(pytest, "main", main)
    return calls


def test_the_benchmarks_are_run_with_what_was_asked_for(called: list[list[str]]) -> None:
    arguments = ["run", "--model", "a=a.tflite", "--model", "b=b.keras", "--pixels=-1..1"]
    arguments += ["--data", "photos", "--steps", "prune(0.5)", "--threads", "1,2", "--images=7"]
    assert cli.main(arguments) == 0
    (given,) = called
    assert given[0] == str(CODE / "bench")
    assert {
        "--model=a=a.tflite",
        "--model=b=b.keras",
        "--pixels=-1..1",
        "--data=photos",
        "--steps=prune(0.5)",
        "--threads=1,2",
        "--images=7",
    } <= set(given)
    assert not [each for each in given if each.startswith(("--labels", "--budgets", "--profile"))]


@pytest.mark.parametrize("typed", [["--pixels", "-1..1"], ["--pixels=-1..1"]])
def test_pixels_may_begin_with_a_dash(called: list[list[str]], typed: list[str]) -> None:
    assert cli.main(["run", "--model", "a=a.tflite", *typed, "--images", "5"]) == 0
    assert "--pixels=-1..1" in called[0]


def test_results_go_where_they_should(called: list[list[str]], tmp_path: Path) -> None:
    assert cli.main(["run", "--model", "a=a.tflite", f"--results={tmp_path}"]) == 0
    assert f"--results={tmp_path}" in called[0]


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        (pytest.ExitCode.OK, 0),
        (pytest.ExitCode.TESTS_FAILED, 1),
        (pytest.ExitCode.INTERRUPTED, 130),
        (pytest.ExitCode.USAGE_ERROR, 2),
        (pytest.ExitCode.INTERNAL_ERROR, 3),
    ],
)
def test_the_exit_status_says_how_it_ended(
    monkeypatch: pytest.MonkeyPatch, theirs: pytest.ExitCode, ours: int
) -> None:
    monkeypatch.setattr(pytest, "main", lambda _: theirs)
    assert cli.main(["run", "--model", "a=a.tflite"]) == ours


def test_a_model_must_be_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["run", "--data", "photos"])
    assert ended.value.code == 2
    assert "--model" in capsys.readouterr().err


def test_help_shows_how(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["run", "--help"])
    shown = capsys.readouterr().out
    for part in (
        "NAME=PATH",
        "prune(SHARE)",
        "slimbench gate",
        "--pixels {raw,0..1,-1..1,caffe,torch}",
    ):
        assert part in shown


def test_every_option_of_the_command_is_one_of_the_suite(pytestconfig: pytest.Config) -> None:
    names = {option.name.replace("-", "_") for option in OPTIONS}
    assert names <= set(vars(pytestconfig.option))
