from __future__ import annotations

import json
from pathlib import Path

import pytest

from slimbench import cli
from slimbench.history.write import save
from tests import example_history


@pytest.fixture
def results(tmp_path: Path) -> Path:
    for status, profile in (("complete", "digits"), ("interrupted", "quick")):
        save(example_history.document(status=status, profile=profile), tmp_path / "r", "machine")
    return tmp_path / "r"


def shown(capsys: pytest.CaptureFixture[str], results: Path, *arguments: str) -> str:
    assert cli.main(["runs", "--results", str(results), *arguments]) == 0
    return capsys.readouterr().out


def test_saved_runs_are_listed_newest_first(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = shown(capsys, results).splitlines()
    assert lines[0].split() == [
        "run",
        "taken",
        "profile",
        "status",
        "measured",
        "commit",
        "machine",
    ]
    assert [line.split()[0] for line in lines[2:]] == ["2", "1"]
    assert "interrupted" in lines[2]
    assert "complete" in lines[3]


def test_one_profile_and_the_newest_can_be_asked_for(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = json.loads(shown(capsys, results, "--profile", "digits", "--format", "json"))
    assert [row["run"] for row in rows] == [1]
    assert Path(rows[0]["file"]).parent == results / "machine"
    assert json.loads(shown(capsys, results, "--last", "1", "--format", "json"))[0]["run"] == 2


def test_no_run_is_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(capsys, tmp_path / "none") == f"There is no run in {tmp_path / 'none'}.\n"


def test_a_file_that_cannot_be_read_is_named_and_the_rest_is_listed(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    damaged = save(example_history.document(), results, "machine")
    damaged.write_text("{")
    assert cli.main(["runs", "--results", str(results)]) == 0
    output = capsys.readouterr()
    assert len(output.out.splitlines()) == 4
    assert damaged.name in output.err


def test_the_list_goes_into_a_file(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "runs.md"
    assert shown(capsys, results, "--format=markdown", f"--output={target}") == f"{target}\n"
    assert target.read_text().startswith("|")


def test_a_number_that_is_none_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["runs", "--last", "0"]) == 2
    assert "--last must be a whole number from 1 up, not 0" in capsys.readouterr().err
