from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import filelock
import pytest

from slimbench.calibrate import measurement
from slimbench.calibrate.design import Batch, batches
from slimbench.cli import main
from slimbench.commands import calibrate
from tests.calibrate.simulated import Machine, files_of, measured

DESIGN = batches()


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a calibration is to be, on a machine that is simulated and needs no models."""

    def measure_batch(batch: Batch, *_: Any, **__: Any) -> Any:
        return measured([batch], Machine(), monkeypatch)

    monkeypatch.setattr(calibrate, "_build", lambda *_: files_of(DESIGN))
    monkeypatch.setattr(measurement, "measure_batch", measure_batch)
    return tmp_path / "below" / "calibration.jsonl"


def test_a_calibration_is_taken_batch_by_batch_and_goes_on(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["calibrate", str(path), "--batches", "2"]) == 0
    first = capsys.readouterr()
    assert re.search(r"2 of 70 batches to take, about \d+ min", first.err)
    assert "not enough was measured" in first.out
    before = path.read_text().splitlines()
    assert main(["calibrate", str(path), "--batches", "1"]) == 0
    assert "1 of 70 batches to take" in capsys.readouterr().err
    after = path.read_text().splitlines()
    assert after[: len(before)] == before
    assert {json.loads(line)["batch"] for line in after[1:]} == {0, 1, 2}


def test_a_batch_cut_short_by_a_kill_is_taken_again(path: Path) -> None:
    main(["calibrate", str(path), "--batches", "2"])
    whole = path.read_text()
    path.write_text(whole[: len(whole) - 100])
    assert main(["calibrate", str(path), "--batches", "1"]) == 0
    counted = [json.loads(line)["batch"] for line in path.read_text().splitlines()[1:]]
    assert counted == [0] * len(DESIGN[0].trials) + [1] * len(DESIGN[1].trials)


def test_it_is_shown_without_measuring(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["calibrate", str(path), "--batches", "4"])
    capsys.readouterr()
    content = path.read_bytes()
    assert main(["calibrate", str(path), "--show", "--format", "markdown"]) == 0
    said = capsys.readouterr()
    assert said.err == ""
    assert "| slower by" in said.out
    assert "| false red of 300 nulls: at most 3 of 300" in said.out
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--show"], "There is no calibration"),
        (["--batches", "0"], "--batches must be a whole number from 1 up, not 0"),
    ],
)
def test_what_cannot_be_is_refused(
    path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert main(["calibrate", str(path), *arguments]) == 2
    assert said in capsys.readouterr().err


def test_another_machine_needs_another_file(
    path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    main(["calibrate", str(path), "--batches", "1"])
    about = calibrate.about_machine()
    monkeypatch.setattr(calibrate, "about_machine", lambda: {**about, "cpu": "another"})
    assert main(["calibrate", str(path)]) == 2
    assert "Name another file to calibrate this one" in capsys.readouterr().err


def test_two_do_not_write_one_file(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path.parent.mkdir()
    with filelock.FileLock(path.with_name(f".{path.name}.lock")):
        assert main(["calibrate", str(path)]) == 2
    assert "Another calibration is writing" in capsys.readouterr().err


def test_a_file_that_is_none_is_left_alone(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path.parent.mkdir()
    path.write_text("mine\n")
    assert main(["calibrate", str(path)]) == 2
    assert "is no calibration" in capsys.readouterr().err
    assert path.read_text() == "mine\n"
