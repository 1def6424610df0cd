from __future__ import annotations

import base64
import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from slimbench.cli import main
from slimbench.compare.comparison import UNPAIRED
from slimbench.compare.measures import ALPHA, enough, mann_whitney, measure
from slimbench.history.write import save
from slimbench.mcnemar import mcnemar
from slimbench.report.words import ENGLISH
from tests.example_history import IMAGES, document, info, unmeasure
from tests.fresh_process import printed

SCRATCH = "student_scratch_f32"
REFERENCE = "resnet50_f32"
NOTHING = ENGLISH.nothing


def small(**changes: Any) -> dict[str, Any]:
    """Return a run of the reference and one student."""
    run = document(**changes)
    run["benchmarks"] = [
        each for each in run["benchmarks"] if each["extra_info"]["variant"] in (REFERENCE, SCRATCH)
    ]
    return run


def time(run: dict[str, Any], variant: str, samples: list[float]) -> None:
    """Set a variant's samples, in ms, and what is said of them."""
    benchmark = next(each for each in run["benchmarks"] if each["extra_info"]["variant"] == variant)
    benchmark["stats"]["data"] = [sample / 1000 for sample in samples]
    low, median, high = (float(each) for each in np.percentile(samples, [0, 50, 90]))
    benchmark["extra_info"]["latency_ms"] = {
        "min": low,
        "p50": median,
        "p90": high,
        "p99": None,
        "mean": float(np.mean(samples)),
        "n": len(samples),
    }


def answer(run: dict[str, Any], variant: str, right: list[bool]) -> None:
    extra = info(run, variant)
    extra["correct_bits"] = base64.b64encode(np.packbits(right).tobytes()).decode()
    extra["accuracy_top1"] = float(np.mean(right))
    extra["accuracy_ci95"] = [0.0, 1.0]


@pytest.fixture
def results(tmp_path: Path) -> Path:
    return tmp_path / "results"


def compared(results: Path, *runs: dict[str, Any], options: tuple[str, ...] = ()) -> int:
    names = [str(save(run, results, "m")) for run in runs]
    return main(["compare", *names, "--results", str(results), *options])


def rows(results: Path, *runs: dict[str, Any], metric: str) -> list[dict[str, Any]]:
    """Return the last run's fields for each case, in the order of the document."""
    out = results.parent / "comparison.json"
    options = ("--metric", metric, "--format", "json", "--output", str(out))
    assert compared(results, *runs, options=options) == 0
    (block,) = json.loads(out.read_text())["metrics"]
    assert block["metric"] == measure(metric).figure.key
    return [case["runs"][-1] for case in block["cases"]]


def cells(text: str, case: str) -> list[list[str]]:
    """Return the cells of every table's row for a case."""
    found = [line for line in text.splitlines() if line.startswith((f"| {case} ", f"| {case}-"))]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in found]


def test_a_run_beside_an_equal_one_shows_no_difference_anywhere(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert compared(results, small(), small()) == 0
    out = capsys.readouterr().out
    latency, size, gzipped, accuracy = cells(out, SCRATCH)
    assert latency[1] == latency[2] == "0.125 ms"
    assert latency[3] == "~ (p=1.000)"
    assert (size[3], gzipped[3]) == ("=", "=")
    assert accuracy[1:] == ["98.8 %", "98.8 %", "~ (p=1.000, 0 lost, 0 won)"]
    assert not out.startswith("Warning")
    assert out.splitlines()[-1] == UNPAIRED


def test_it_says_last_that_it_fails_no_build_and_does_not(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    worse = small()
    time(worse, SCRATCH, list(np.linspace(10, 20, 50)))
    info(worse, SCRATCH)["size_bytes"] *= 3
    answer(worse, SCRATCH, [False] * IMAGES)
    for form in ("table", "markdown"):
        assert compared(results, small(), worse, options=("--format", form)) == 0
        assert capsys.readouterr().out.splitlines()[-1] == (
            "Unpaired: the machine may have changed between the runs, so this never fails a build."
        )


def test_a_time_differs_only_where_the_samples_do(results: Path) -> None:
    first, second = small(), small()
    random = np.random.default_rng(3)
    time(first, REFERENCE, random.normal(8, 1, 60).tolist())
    time(second, REFERENCE, random.normal(8, 1, 60).tolist())
    time(first, SCRATCH, random.normal(1, 0.01, 60).tolist())
    time(second, SCRATCH, random.normal(1.1, 0.01, 60).tolist())
    noise, slower = rows(results, first, second, metric="latency")
    assert noise["verdict"] == "no_difference"
    assert noise["p"] >= ALPHA
    assert noise["change"] != 0
    assert slower["verdict"] == "differs"
    assert slower["change"] == pytest.approx(0.1, abs=0.01)
    assert slower["remark"] == "same file"


def test_a_slower_file_of_another_hash_is_not_called_the_same(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = small(), small()
    time(first, SCRATCH, list(np.linspace(0.12, 0.13, 51)))
    time(second, SCRATCH, list(np.linspace(0.24, 0.26, 51)))
    info(second, SCRATCH)["model_sha256"] = "0" * 64
    compared(results, first, second, options=("--metric", "latency"))
    ((*row,),) = cells(capsys.readouterr().out, SCRATCH)
    assert row[1:] == ["0.125 ms", "0.250 ms", "+100 % (p<0.001)"]


def test_too_few_samples_are_no_evidence_of_anything(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = small(), small()
    time(first, SCRATCH, [1.0, 1.1, 1.2])
    time(second, SCRATCH, [9.0, 9.1, 9.2])
    compared(results, first, second, options=("--metric", "latency"))
    ((*_, delta),) = cells(capsys.readouterr().out, SCRATCH)
    assert delta == "not comparable: too few samples (3 and 3)"


@pytest.mark.parametrize("first", range(1, 7))
@pytest.mark.parametrize("second", range(1, 7))
def test_enough_samples_are_those_that_could_differ(first: int, second: int) -> None:
    lowest = mann_whitney(list(range(first)), list(range(100, 100 + second)))
    assert enough(first, second) == (lowest < ALPHA)


def test_sizes_differ_by_the_byte(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    second = small()
    info(second, REFERENCE)["size_bytes"] += 1
    info(second, SCRATCH)["size_bytes"] //= 2
    compared(results, small(), second, options=("--metric", "size"))
    out = capsys.readouterr().out
    assert [row[3] for row in cells(out, REFERENCE)] == ["+0.00000106 % (+1 B)"]
    assert [row[3] for row in cells(out, SCRATCH)] == ["-50.0 % (-74,166 B)"]


def test_accuracy_is_judged_on_the_images_that_changed(results: Path) -> None:
    first, second = small(), small()
    # As many right in both runs of the reference, but not the same ones: no loss to speak of.
    answer(first, REFERENCE, [True] * 400 + [False] * 100)
    answer(second, REFERENCE, [False] * 100 + [True] * 400)
    answer(first, SCRATCH, [True] * IMAGES)
    answer(second, SCRATCH, [False] * 6 + [True] * (IMAGES - 6))
    moved, lost = rows(results, first, second, metric="accuracy")
    assert (moved["verdict"], moved["change"], moved["p"]) == ("no_difference", 0.0, 1.0)
    assert moved["remark"] == "100 lost, 100 won"
    assert lost["verdict"] == "differs"
    assert lost["change"] == pytest.approx(-6 / IMAGES)
    # Six coins that all fall the same way.
    assert lost["p"] == pytest.approx(2 * 0.5**6)
    assert mcnemar(0, 5) > ALPHA


def test_accuracy_on_other_images_is_not_compared(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    second = small()
    info(second, SCRATCH)["eval_sha256"] = "1" * 64
    compared(results, small(), second, options=("--metric", "accuracy"))
    out = capsys.readouterr().out
    assert [row[3] for row in cells(out, SCRATCH)] == ["not comparable: other images"]
    assert cells(out, REFERENCE)[0][3].startswith("~")


def test_what_is_not_there_is_said_with_its_reason(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second, third = small(), small(), small()
    unmeasure(first, SCRATCH, "latency_ms", "the clock stood still")
    unmeasure(second, REFERENCE, "latency_ms", "the clock ran away")
    third["benchmarks"].pop()
    compared(results, first, second, third, options=("--metric", "latency"))
    out = capsys.readouterr().out
    ((*_, second_reference, no_delta, third_reference, same),) = cells(out, REFERENCE)
    assert (second_reference[:1], no_delta) == (NOTHING, "")
    assert (third_reference, same) == ("8.56 ms", "~ (p=1.000)")
    ((_, first_scratch, value, delta, gone, nothing),) = cells(out, SCRATCH)
    assert (value, delta) == ("0.125 ms", "not comparable: the first run has no figure")
    assert (first_scratch[:1], gone[:1], nothing) == (NOTHING, NOTHING, "")
    for mark, reason in (
        (first_scratch, "the clock stood still"),
        (second_reference, "the clock ran away"),
        (gone, "the run has no such case"),
    ):
        assert f"{mark.split()[1]} {reason}" in out.splitlines()


def test_a_case_that_only_a_later_run_has_is_shown(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = small()
    first["benchmarks"].pop()
    compared(results, first, small(), options=("--metric", "size"))
    ((_, value, _, delta),) = cells(capsys.readouterr().out, SCRATCH)
    assert value.startswith(NOTHING)
    assert delta == "not comparable: the first run has no such case"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda run: run["machine_info"].update(node="other"), "machine (build-3 Linux x86_64 |"),
        (
            lambda run: run["machine_info"]["cpu"].update(brand_raw="Other CPU"),
            "CPU (Some CPU @ 2.10GHz (2 CPUs) | Other CPU (2 CPUs))",
        ),
        (lambda run: run["machine_info"]["cpu"].update(count=4), "(2 CPUs) | Some"),
        (lambda run: run["machine_info"].update(cpu=None), "| unknown)"),
        (
            lambda run: run["slimbench"]["versions"].update({"ai-edge-litert": "2.4.0"}),
            "ai-edge-litert (2.3.0 | 2.4.0)",
        ),
        (lambda run: run["slimbench"]["versions"].pop("tensorflow"), "tensorflow (2.21.0 | unkn"),
        (lambda run: run["slimbench"].update(seed=1), "seed (0 | 1)"),
    ],
)
def test_what_else_changed_is_the_first_thing_said(
    results: Path, capsys: pytest.CaptureFixture[str], change: Any, said: str
) -> None:
    second = small()
    change(second)
    compared(results, small(), second)
    first_line = capsys.readouterr().out.splitlines()[0]
    assert first_line.startswith("Warning: ")
    assert said in first_line
    assert first_line.count(" | ") == 1


def test_another_profile_is_warned_of_too(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    compared(results, small(), small(profile="quick"))
    assert "profile (digits | quick)" in capsys.readouterr().out.splitlines()[0]


def test_each_run_is_named_with_what_could_be_wrong_with_it(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    second = small(status="partial")
    second["commit_info"]["dirty"] = True
    second["slimbench"]["preflight"]["warnings"] = ["Others use the\nmachine \x1b[31mtoo."]
    compared(results, small(), second)
    out = capsys.readouterr().out
    assert "A  0001_f0c7a1d2b3e4_20250301_120005.json: profile digits" in out
    (line,) = [line for line in out.splitlines() if line.startswith("B  0002_")]
    assert "with changes" in line
    assert line.endswith(", partial")
    assert "Before run B: Others use the machine ?[31mtoo." in out


def test_a_pattern_makes_a_column_for_each_run(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(3):
        save(small(), results, "m")
    assert main(["compare", "*_f0c7*", "--results", str(results), "--metric", "size"]) == 0
    out = capsys.readouterr().out
    (header,) = [line for line in out.splitlines() if line.startswith("| Case")]
    assert [cell.strip() for cell in header.strip("|").split("|")] == [
        "Case",
        "A",
        "B",
        "B against A",
        "C",
        "C against A",
    ]


def test_one_run_alone_is_no_comparison(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save(small(), results, "m")
    for names in (["1"], ["1", "latest"]):
        assert main(["compare", *names, "--results", str(results)]) == 2
        assert "two different runs" in capsys.readouterr().err
    assert main(["compare", "1", "7", "--results", str(results)]) == 2
    assert "no run 7" in capsys.readouterr().err


def test_markdown_keeps_recorded_text_from_being_markup(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    second = small()
    second["machine_info"]["node"] = "<b>|*_x_*"
    compared(results, small(), second, options=("--format", "markdown", "--metric", "size"))
    out = capsys.readouterr().out
    assert out.startswith("**Warning: ")
    assert r"\<b\>\|\*\_x\_\*" in out
    assert "### Size of the model file" in out
    assert "<b>" not in out


def test_csv_has_a_line_for_each_metric_case_and_run_and_nothing_else(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    second = small()
    second["slimbench"]["seed"] = 5
    compared(results, small(), second, options=("--format", "csv"))
    said = capsys.readouterr()
    lines = list(csv.DictReader(io.StringIO(said.out)))
    assert len(lines) == 4 * 2 * 2
    line = next(
        each
        for each in lines
        if (each["metric"], each["variant"], each["run"]) == ("size_bytes", SCRATCH, "B")
    )
    assert (line["value"], line["change"], line["verdict"]) == ("148332", "0.0", "no_difference")
    assert "seed (0 | 5)" in said.err
    assert said.err.splitlines()[-1] == UNPAIRED


def test_json_has_unrounded_figures_and_the_note(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = small(), small()
    compared(results, first, second, options=("--format", "json"))
    content = json.loads(capsys.readouterr().out)
    assert content["note"] == UNPAIRED
    assert [each["commit"] for each in content["runs"]] == [first["commit_info"]["id"]] * 2
    assert [block["metric"] for block in content["metrics"]] == [
        "latency_ms.p50",
        "size_bytes",
        "size_gzip_bytes",
        "accuracy_top1",
    ]
    value = content["metrics"][0]["cases"][0]["runs"][0]["value"]
    assert value == info(first, REFERENCE)["latency_ms"]["p50"]


def test_a_file_is_written_whole_or_not_at_all(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out" / "comparison.md"
    options = ("--format", "markdown", "--output", str(out))
    assert compared(results, small(), small(), options=options) == 2
    assert "comparison.md" in capsys.readouterr().err
    out.parent.mkdir()
    assert compared(results, small(), small(), options=options) == 0
    assert capsys.readouterr().out == f"{out}\n"
    assert out.read_text(encoding="utf-8").endswith(f"{UNPAIRED}\n")
    assert [each.name for each in out.parent.iterdir()] == ["comparison.md"]


def test_comparing_and_promoting_need_neither_pytest_nor_tensorflow() -> None:
    program = """
import sys
import slimbench.compare.render, slimbench.commands.compare
import slimbench.commands.promote
print(sorted({"pytest", "pytest_benchmark", "tensorflow", "ai_edge_litert"} & set(sys.modules)))
"""
    assert printed(program).strip() == "[]"
