from __future__ import annotations

import json
from pathlib import Path

import pytest

from slimbench import cli
from slimbench.history.write import save
from slimbench.report import charts
from slimbench.report.chart_style import ChartError
from tests import example_history

MACHINE = "Linux-CPython-3.11-64bit"


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "C")


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Two whole runs, and a newer one that was interrupted."""
    for status, profile in (
        ("complete", "digits"),
        ("complete", "quick"),
        ("interrupted", "quick"),
    ):
        document = example_history.document(status=status, profile=profile)
        save(document, tmp_path / "results", MACHINE)
    return tmp_path / "results"


def shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert cli.main(["report", *arguments]) == 0
    return capsys.readouterr().out


def test_by_default_the_newest_whole_run_is_shown(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = shown(capsys, "--results", str(results))
    assert out.startswith("Profile quick, litert with 1 thread")
    assert "interrupted" not in out
    of_digits = shown(capsys, "--results", str(results), "--profile", "digits")
    assert of_digits.startswith("Profile digits, litert with 1 thread")


def test_a_run_is_named_by_number_or_path(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (path,) = results.glob("*/0003_*.json")
    by_number = shown(capsys, "3", "--results", str(results))
    assert "interrupted" in by_number
    assert shown(capsys, str(path)) == by_number


def test_french_markdown(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = shown(capsys, "1", "--results", str(results), "--lang", "fr", "--markdown")
    assert out.startswith("Profil digits, litert avec 1 thread")
    assert "| Modèle " in out
    assert "+--" not in out


def test_a_page_is_printed_or_written_to_a_file(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = shown(capsys, "1", "--results", str(results), "--format", "html", "--lang", "fr")
    assert out.startswith('<!DOCTYPE html>\n<html lang="fr">\n')
    file = tmp_path / "report.html"
    said = shown(
        capsys,
        *("1", "--results", str(results), "--format", "html", "--lang", "fr"),
        *("--output", str(file)),
    )
    assert said == f"{file}\n"
    assert file.read_text(encoding="utf-8") == out


def test_the_locale_chooses_the_language(
    results: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", "fr_FR.UTF-8")
    assert shown(capsys, "1", "--results", str(results)).startswith("Profil digits")
    assert shown(capsys, "1", "--results", str(results), "--lang", "en").startswith("Profile")


def test_charts_are_drawn_into_a_folder_that_is_made(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "new" / "charts"
    out = shown(capsys, "1", "--results", str(results), "--charts", str(folder))
    drawn = sorted(folder.iterdir())
    assert len(drawn) == 6
    assert sorted(Path(line) for line in out.splitlines()[-6:]) == drawn
    assert all(path.name.startswith("0001_") for path in drawn)


def test_charts_that_cannot_be_drawn_are_one_sentence(
    results: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def draw(*_: object) -> None:
        raise ChartError("The chart x.png cannot be written: No space left on device.")

    monkeypatch.setattr(charts, "draw", draw)
    arguments = ["report", "1", "--results", str(results), "--charts", str(tmp_path / "charts")]
    assert cli.main(arguments) == 2
    assert capsys.readouterr().err == (
        "slimbench report: The chart x.png cannot be written: No space left on device.\n"
    )


def test_a_run_that_is_not_there_is_said_with_what_is(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["report", "9", "--results", str(results)]) == 2
    assert "There is no run 9" in capsys.readouterr().err
    assert cli.main(["report", "--results", str(results / "none")]) == 2
    assert "Run the benchmarks first." in capsys.readouterr().err


def test_a_damaged_run_is_no_traceback(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (path,) = results.glob("*/0001_*.json")
    path.write_text(path.read_text()[:-100])
    assert cli.main(["report", "1", "--results", str(results)]) == 2
    assert f"{path} is not complete JSON" in capsys.readouterr().err
    path.write_text(json.dumps({"benchmarks": []}))
    assert cli.main(["report", "1", "--results", str(results)]) == 2
    assert "not a history" in capsys.readouterr().err
