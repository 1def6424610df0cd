from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

import slimbench
from slimbench.cli import main
from slimbench.trend.notes import ENGLISH, FRENCH
from tests.trend.saved import MACHINE, OTHER, VARIANT, document, put, put_all

P50 = "latency_ms.p50"
STEP = [8.0, 8.1] * 4 + [9.2, 9.1] * 4


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "store"
    monkeypatch.setenv("SLIMBENCH_STORE", str(folder))
    monkeypatch.setenv("LC_ALL", "C")
    return folder


@pytest.fixture
def results(tmp_path: Path) -> Path:
    return tmp_path / "results"


def history(results: Path, *arguments: str) -> int:
    return main(["history", *arguments, "--results", str(results)])


def test_a_trend_is_shown_with_its_change_and_fails_nothing(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put_all(results, STEP)
    for _ in range(2):
        assert history(results, VARIANT, P50) == 0
        said = capsys.readouterr()
        lines = said.out.splitlines()
        (marked,) = [line for line in lines if "level changed here" in line]
        assert marked.split()[0] == "9"
        assert "8.05 -> 9.15 ms, +14 %" in marked
        assert lines[-2:] == [ENGLISH.unpaired, ENGLISH.draw]
        assert said.err == ""


def test_the_index_is_in_the_cache_pruning_leaves_it_and_clearing_does_not(
    results: Path, store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put_all(results, [8.0])
    before = sorted(path for path in results.rglob("*"))
    assert history(results, VARIANT, P50) == 0
    assert sorted(path for path in results.rglob("*")) == before
    (found,) = store.rglob("*.sqlite3")
    assert main(["store", "--prune"]) == 0
    assert found.is_file()
    assert "0 objects" in capsys.readouterr().out
    assert main(["store", "--clear"]) == 0
    assert not found.exists()


def test_unknown_names_list_what_exists(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put_all(results, [8.0])
    assert history(results, "resnet51_f32", P50) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert f"{VARIANT}, {OTHER}" in said.err
    assert history(results, VARIANT, "latency") == 2
    assert P50 in capsys.readouterr().err
    assert history(results, VARIANT, P50, "--engine", "keras") == 2
    assert "--engine=litert" in capsys.readouterr().err
    assert history(results / "nothing", VARIANT, P50) == 2
    assert "no saved run" in capsys.readouterr().err


def test_bad_histories_are_left_out_and_named(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = put_all(results, [8.0] * 10)
    for path in paths[1:8]:
        path.write_text(path.read_text()[:-20])
    paths[8].write_bytes(b"\xff\x00")
    assert history(results, VARIANT, P50, "--format", "json") == 0
    said = capsys.readouterr()
    content = json.loads(said.out)
    assert [run["run"] for run in content["partitions"][0]["runs"]] == [1, 10]
    assert len(content["skipped"]) == 8
    lines = said.err.splitlines()
    assert lines[0] == "8 histories could not be read and are left out:"
    assert "0009_" in lines[1]
    assert len(lines) == 1 + 5 + 1
    assert "3 more" in lines[-1]
    # They are named too where nothing can be shown.
    assert history(results, "no_variant", P50) == 2
    assert "8 histories could not be read" in capsys.readouterr().err


def test_nothing_but_bad_histories_is_an_error_that_names_them(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(results, 1, document()).write_text("{")
    assert history(results, VARIANT, P50) == 2
    said = capsys.readouterr().err
    assert "1 history could not be read" in said
    assert "There is no saved run" in said


def test_formats_for_programs_have_nothing_else_on_their_output(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put_all(results, STEP)
    chart = tmp_path / "chart.svg"
    assert history(results, VARIANT, P50, "--format", "csv", "--chart", str(chart)) == 0
    said = capsys.readouterr()
    lines = list(csv.DictReader(io.StringIO(said.out)))
    assert [line["run"] for line in lines if line["is_change_point"] == "True"] == ["9"]
    assert said.err.splitlines() == [ENGLISH.unpaired, f"Chart: {chart}"]
    assert chart.is_file()
    assert history(results, VARIANT, P50, "--format", "json", "--last", "1") == 0
    (found,) = json.loads(capsys.readouterr().out)["partitions"]
    assert (len(found["runs"]), len(found["changes"])) == (1, 1)


def test_a_chart_is_drawn_where_it_is_asked_for(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put_all(results, STEP)
    chart = tmp_path / "trend.png"
    assert history(results, VARIANT, P50, "--chart", str(chart), "--lang", "fr") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == FRENCH.drawn.format(path=chart)
    assert chart.read_bytes().startswith(b"\x89PNG")
    assert history(results, VARIANT, P50, "--chart", str(tmp_path / "no" / "a.png")) == 2
    assert "cannot be written" in capsys.readouterr().err


@pytest.mark.parametrize(
    "wrong",
    [
        ("--chart", "trend.pdf"),
        ("--last", "0"),
        ("--last", "-1"),
        ("--threads", "two"),
        ("--format", "xml"),
        ("--lang", "de"),
    ],
)
def test_options_that_make_no_sense_are_usage_errors(results: Path, wrong: tuple[str, str]) -> None:
    put_all(results, [8.0])
    with pytest.raises(SystemExit) as stopped:
        history(results, VARIANT, P50, *wrong)
    assert stopped.value.code == 2


def test_the_locale_chooses_the_language(
    results: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    put_all(results, STEP)
    monkeypatch.setenv("LC_ALL", "fr_FR.UTF-8")
    assert history(results, VARIANT, P50) == 0
    assert "le niveau change ici : 8,05 -> 9,15 ms" in capsys.readouterr().out


def test_a_first_indexing_shows_how_far_it_is(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put_all(results, [8.0] * 25)
    assert history(results, VARIANT, P50) == 0
    assert "indexing histories: 0 of 25" in capsys.readouterr().err
    assert history(results, VARIANT, P50) == 0
    assert capsys.readouterr().err == ""


def test_two_at_once_say_the_same(results: Path, store: Path) -> None:
    put_all(results, STEP)
    command = [sys.executable, "-m", "slimbench.cli", "history", VARIANT, P50]
    both = [
        subprocess.Popen(
            [*command, "--results", str(results)],
            cwd=Path(slimbench.__file__).parents[1],
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    first, second = [each.communicate()[0] for each in both]
    assert [each.returncode for each in both] == [0, 0]
    assert first == second
    assert "level changed here" in first
    assert len(list(store.rglob("*.sqlite3"))) == 1


def loaded(results: Path, variant: str, metric: str) -> tuple[str, set[str]]:
    """Return what a command of its own says, and the packages that it loaded."""
    program = """
import sys
from slimbench.cli import main
main(sys.argv[1:])
print(*{name.partition(".")[0] for name in sys.modules})
"""
    said = subprocess.run(
        [sys.executable, "-c", program, "history", variant, metric, "--results", str(results)],
        cwd=Path(slimbench.__file__).parents[1],
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stderr == ""
    shown, _, packages = said.stdout.rstrip().rpartition("\n")
    return shown, set(packages.split())


def test_what_is_heavy_is_loaded_only_where_it_is_used(results: Path) -> None:
    put_all(results, STEP)
    heavy = {"pytest", "tensorflow", "ai_edge_litert", "matplotlib", "jsonschema", "rich"}
    shown, packages = loaded(results, VARIANT, P50)
    assert "level changed here" in shown
    assert not packages & heavy
    _, packages = loaded(results, VARIANT, "size_bytes")
    assert not packages & (heavy | {"ruptures", "scipy"})


def test_new_runs_are_in_the_next_answer(results: Path) -> None:
    for runs, changes in ((STEP, ["9"]), ([12.0] * 5, ["9", "17"]), ([12.1], ["9", "17"])):
        put_all(results, runs, first=1 + len(list(results.rglob("*.json"))))
        shown, _ = loaded(results, VARIANT, P50)
        marked = [line.split()[0] for line in shown.splitlines() if "level changed here" in line]
        assert marked == changes


def test_machines_are_kept_apart(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put(results, 1, document(8.0))
    put(results, 1, document(4.0), machine="Darwin-CPython-3.12-64bit")
    assert history(results, VARIANT, P50) == 0
    out = capsys.readouterr().out
    assert MACHINE in out
    assert "Darwin-CPython-3.12-64bit" in out
    assert ENGLISH.apart in out
    assert "%" not in out
