from __future__ import annotations

import copy
import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from slimbench.errors import UsageProblem
from tests import example_history

SCRIPT = Path(__file__).parents[2] / "scripts" / "measure_distillation.py"
spec = importlib.util.spec_from_file_location("measure_distillation", SCRIPT)
measure = importlib.util.module_from_spec(spec)
sys.modules[spec.name] = measure
spec.loader.exec_module(measure)


def run(students, seed=0, hour=12):
    """Return the document of a run with these students, by name, and how many they got right."""
    document = example_history.document()
    pattern = document["benchmarks"][-1]
    document["benchmarks"] = []
    document["slimbench"]["seed"] = seed
    document["slimbench"]["budgets"] = []
    document["datetime"] = f"2025-03-01T{hour}:00:00+00:00"
    for name, right in students.items():
        case = copy.deepcopy(pattern)
        case["extra_info"] |= {
            "variant": name,
            "accuracy_top1": right / 500,
            "accuracy_ci95": [0.0, 1.0],
            "correct_bits": None,
            "reasons": {**case["extra_info"]["reasons"], "correct_bits": "made up"},
        }
        document["benchmarks"].append(case)
    return document


def found(*documents):
    return measure.differences([example_history.history(each) for each in documents])


THREE = {
    "resnet8_scratch_f32": 400,
    "resnet8_distilled_f32": 410,
    "resnet8_scratch_repeat1_f32": 405,
    "resnet8_distilled_repeat1_f32": 420,
    "resnet8_scratch_repeat2_f32": 395,
    "resnet8_distilled_repeat2_f32": 400,
}


def test_longer_trainings_are_a_student_of_their_own():
    longer = {
        name.replace("scratch", "scratch_e80"): right + 20
        for name, right in THREE.items()
        if "scratch" in name
    }
    longer |= {
        name.replace("distilled", "distilled_e80"): right + 21
        for name, right in THREE.items()
        if "distilled" in name
    }
    longest, usual = sorted(found(run(THREE | longer)), key=lambda each: each.student.epochs)[::-1]
    assert (usual.student.epochs, longest.student.epochs) == ("", "80")
    assert len(usual.pairs) == len(longest.pairs) == 3
    assert longest.mean == pytest.approx(usual.mean + 1 / 500)


def test_the_interval_is_that_of_a_paired_t_test():
    (difference,) = found(run(THREE))
    expected = stats.ttest_rel(np.array([410, 420, 400]) / 500, np.array([400, 405, 395]) / 500)
    assert difference.mean == pytest.approx(10 / 500)
    assert difference.interval == pytest.approx(tuple(expected.confidence_interval(0.95)))
    assert (len(difference.pairs), difference.images) == (3, 500)


def test_one_repeat_has_a_difference_and_no_interval():
    (difference,) = found(run({"a_scratch_f32": 400, "a_distilled_f32": 410}))
    assert difference.mean == pytest.approx(0.02)
    assert difference.interval is None
    assert "none: one repeat" in measure.as_table([difference])
    (row,) = json.loads(measure.as_json([difference]))
    assert (row["repeats"], row["interval"], row["confidence"]) == (1, None, None)


def test_networks_labels_and_precisions_are_kept_apart_and_halves_left_out():
    students = {
        "a_scratch_f32": 400,
        "a_distilled_f32": 410,
        "a_scratch1k_f32": 200,
        "a_distilled1k_f32": 250,
        "a_scratch_static_wi8_ai8": 390,
        "a_distilled_static_wi8_ai8": 410,
        "b_distilled_f32": 450,
        "a_distilled_repeat1_f32": 450,
        "a_pruned50_f32": 390,
    }
    rows = {
        (each.student.network, each.student.labels, each.student.precision): each.mean
        for each in found(run(students))
    }
    assert rows == {
        ("a", "all", "f32"): pytest.approx(0.02),
        ("a", "1k", "f32"): pytest.approx(0.1),
        ("a", "all", "static_wi8_ai8"): pytest.approx(0.04),
    }


def test_seeds_of_several_runs_are_pairs_and_the_same_training_counts_once():
    one = run({"a_scratch_f32": 400, "a_distilled_f32": 410})
    later = run({"a_scratch_f32": 400, "a_distilled_f32": 420}, hour=14)
    other = run({"a_scratch_f32": 400, "a_distilled_f32": 430}, seed=1, hour=13)
    (difference,) = found(later, other, one)
    assert [(pair.seed, pair.repeat) for pair in difference.pairs] == [(0, 0), (1, 0)]
    assert [pair.difference for pair in difference.pairs] == pytest.approx([0.04, 0.06])


def test_runs_on_different_images_are_not_compared():
    other = run({"a_scratch_f32": 400}, seed=1)
    other["benchmarks"][0]["extra_info"]["eval_sha256"] = "0" * 64
    with pytest.raises(UsageProblem, match="scored on different images"):
        found(run({"a_distilled_f32": 400}), other)


@pytest.fixture
def asked(monkeypatch, tmp_path):
    """Run the script on a run; returns its exit status."""

    def ask(document, *more):
        path = tmp_path / "run.json"
        path.write_text(json.dumps(document), encoding="utf-8")
        monkeypatch.setattr(sys, "argv", ["measure_distillation.py", str(path), *more])
        return measure.main()

    return ask


def test_the_script_writes_a_table_and_every_pair(asked, tmp_path, capsys):
    out = tmp_path / "out.json"
    assert asked(run(THREE), "--out", str(out)) == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "resnet8" in line]
    assert line.split()[:8] == ["resnet8", "all", "usual", "f32", "3", "80.00", "82.00", "+2.00"]
    (row,) = json.loads(out.read_text(encoding="utf-8"))
    low, high = row["interval"]
    assert low < row["difference"] < high
    assert [pair["repeat"] for pair in row["pairs"]] == [0, 1, 2]


def test_a_run_without_students_is_said_with_what_has_them(asked, capsys):
    assert asked(run({"a_scratch_f32": 400})) == 2
    assert "such as cifar10" in capsys.readouterr().err
