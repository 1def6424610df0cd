from __future__ import annotations

import json
from pathlib import Path

import pytest

from slimbench import cli
from slimbench.history.write import save
from tests import example_history

MACHINE = "Linux-CPython-3.11-64bit"


@pytest.fixture
def results(tmp_path: Path) -> Path:
    save(example_history.document(threads=(1, 2)), tmp_path, MACHINE)
    return tmp_path


def best(results: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    status = cli.main(["best", *arguments, "--results", str(results)])
    shown = capsys.readouterr()
    return status, shown.out + shown.err


def test_the_answer_its_front_and_what_each_limit_costs(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out = best(results, capsys, "--max-size-mb", "0.1", "--max-latency-ratio", "0.2")
    assert status == 0
    assert "Best: student_distilled_static_wi8_ai8 (accuracy 99.0 % [97.7-99.6], 56.5 KiB" in out
    assert "0.00854 of resnet50_f32's time" in out
    assert "Pareto front" in out
    assert "| breaks --max-size-mb |" in out
    assert "without --max-size-mb 0.1: student_distilled_f32, accuracy +0.2 points" in out
    assert "0.141 MiB" in out
    assert "without --max-latency-ratio 0.2: student_distilled_static_wi8_ai8 all the same" in out


def test_nothing_keeps_all_limits(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out = best(results, capsys, "--max-size-mb", "0.05", "--min-accuracy", "0.98")
    assert status == 1
    assert "none keeps all limits. Nearest is student_distilled_static_wi8_ai8" in out
    assert "size_mb 0.0552 is over --max-size-mb 0.05" in out
    assert "--max-size-mb 0.0552 instead of 0.05: student_distilled_static_wi8_ai8" in out
    status, out = best(results, capsys, "--min-accuracy", "0.999")
    assert status == 1
    last = "student_distilled_f32, accuracy 99.2 % [98.0-99.7]"
    assert f"without --min-accuracy 0.999: {last}\n" in out
    status, _ = best(results, capsys, "--max-size-mb", "0.0552", "--min-accuracy", "0.98")
    assert status == 0


def test_json_has_the_figures_unrounded(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out = best(results, capsys, "1", "--max-size-mb", "0.1", "--format", "json")
    answer = json.loads(out)
    model = example_history.MODELS["student_distilled_static_wi8_ai8"]
    reference = example_history.MODELS["resnet50_f32"]
    assert status == 0
    assert answer["limits"] == {"--max-size-mb": 0.1}
    assert answer["best"]["variant"] == "student_distilled_static_wi8_ai8"
    assert answer["best"]["size_bytes"] == model.size
    assert answer["best"]["latency_ratio"] == pytest.approx(
        model.milliseconds / reference.milliseconds
    )
    assert answer["costs"][0]["without"]["variant"] == "student_distilled_f32"
    assert answer["costs"][0]["gain"] == pytest.approx(0.002)
    assert answer["front_times"] == "paired"
    assert (answer["nearest"], answer["relaxations"], answer["not_judged"]) == (None, [], [])


def test_markdown_keeps_names_from_being_read_as_markup(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out = best(results, capsys, "--format", "markdown", "--threads", "2")
    assert status == 0
    assert "litert with 2 threads" in out
    assert "**Best: student\\_distilled\\_f32" in out
    assert "| student_distilled_f32 " in out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--max-latency-ratio", "0"], "must be more than 0"),
        (["--max-latency-ratio", "nan"], "not nan"),
        (["--max-size-mb", "-1"], "from 0 up, not -1.0"),
        (["--min-accuracy", "90"], "write 95 % as 0.95"),
        (["--threads", "0"], "--threads must be a number from 1 up, not 0"),
        (["--threads", "8"], "There is: --engine litert --threads 1"),
        (["--profile", "imagenet"], "There is no complete run of imagenet"),
        (["7"], "There is no run 7"),
    ],
)
def test_what_cannot_be_is_one_sentence(
    results: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    status, out = best(results, capsys, *arguments)
    assert status == 2
    assert out.startswith("slimbench best: ")
    assert said in out


def test_a_variant_without_its_figures_is_listed_and_not_chosen(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = example_history.document()
    example_history.unmeasure(run, "student_distilled_f32", "size_bytes", "the file is gone")
    run["slimbench"]["missing"] = [{"variant": "vgg16_f32", "reason": "no weights"}]
    save(run, tmp_path, MACHINE)
    status, out = best(tmp_path, capsys, "--max-size-mb", "5")
    assert status == 0
    assert "Best: student_distilled_static_wi8_ai8" in out
    assert "student_distilled_f32: size_bytes: the file is gone" in out
    assert "without --max-size-mb 5: student_distilled_f32, accuracy +0.2 points" in out
    assert "vgg16_f32: no weights" in out
