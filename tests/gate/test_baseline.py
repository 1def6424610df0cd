from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from slimbench.gate.baseline import (
    Baseline,
    Promotion,
    baseline_document,
    baseline_path,
    load_baseline,
    save_baseline,
)
from slimbench.history.document import HistoryError
from slimbench.history.machine import cpu
from slimbench.history.schemas import BASELINE, schema
from slimbench.spec import Case
from tests.example_history import MODELS, break_budget, document, history, unmeasure

PROMOTION = Promotion(datetime(2025, 3, 2, 9, 30, tzinfo=UTC), "Zoë", "the first  one\nto keep")


def promoted(run: dict[str, Any], *, despite_budgets: bool = False) -> dict[str, Any]:
    return baseline_document(run, history(run), PROMOTION, despite_budgets=despite_budgets)


def saved(folder: Path, run: dict[str, Any] | None = None) -> tuple[Path, Baseline]:
    path = baseline_path(folder, "digits")
    return path, save_baseline(promoted(document() if run is None else run), path)


def changed(path: Path, change: Any) -> str:
    content = json.loads(path.read_text(encoding="utf-8"))
    change(content)
    path.write_text(json.dumps(content))
    with pytest.raises(HistoryError) as caught:
        load_baseline(path)
    assert str(path) in str(caught.value)
    return str(caught.value)


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(schema(BASELINE))


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    run = document(threads=(2, 1))
    unmeasure(run, "mobilenetv2_f32", "init_ms", "the child died")
    path, written = saved(tmp_path, run)
    baseline = load_baseline(path)
    assert baseline == written
    assert path == tmp_path / "baselines" / "digits.json"
    assert baseline.promotion == Promotion(PROMOTION.at, "Zoë", "the first one to keep")
    saved_run = baseline.history
    assert (baseline.run_file, saved_run.commit[:7], saved_run.dirty, saved_run.seed) == (
        "0001_example.json",
        "f0c7a1d",
        False,
        0,
    )
    assert saved_run.taken == history(run).taken
    assert saved_run.versions == {"tensorflow": "2.21.0", "ai-edge-litert": "2.3.0"}
    assert cpu(saved_run.machine) == "Some CPU @ 2.10GHz (2 CPUs)"
    assert len(saved_run.entries) == 2 * len(MODELS)


def test_a_case_is_all_that_was_measured_of_it_but_the_samples(tmp_path: Path) -> None:
    run = document()
    _, baseline = saved(tmp_path, run)
    case = Case("mobilenetv2_f32", "litert", 1)
    kept, measured = baseline.history.entry(case), history(run).entry(case)
    assert kept is not None
    assert measured is not None
    assert kept.samples == ()
    names = [name for name in type(kept).__dataclass_fields__ if name != "samples"]
    assert [getattr(kept, name) for name in names] == [getattr(measured, name) for name in names]
    assert baseline.history.entry(Case("mobilenetv2_f32", "litert", 2)) is None


def test_the_file_is_small_and_in_order_for_who_reviews_it(tmp_path: Path) -> None:
    run = document(threads=(2, 1))
    path, _ = saved(tmp_path, run)
    text = path.read_text(encoding="utf-8")
    assert len(text) < 2000 * 2 * len(MODELS)
    content = json.loads(text)
    assert text == json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    cases = [(each["variant"], each["engine"], each["threads"]) for each in content["cases"]]
    assert cases == sorted(cases)
    assert "build-3" not in text
    run["benchmarks"].reverse()
    saved(tmp_path, run)
    assert path.read_text(encoding="utf-8") == text


@pytest.mark.parametrize("status", ["partial", "interrupted"])
def test_only_a_complete_run_is_promoted(status: str) -> None:
    with pytest.raises(HistoryError, match=rf"0001_example\.json is {status}"):
        promoted(document(status=status))


def test_a_run_that_broke_a_budget_is_promoted_only_on_request_and_says_so(tmp_path: Path) -> None:
    run = document()
    break_budget(run, "student_scratch_f32", 0.9)
    with pytest.raises(HistoryError, match=r"student_scratch_f32-litert-1 latency_ratio_max.*desp"):
        promoted(run)
    path = tmp_path / "digits.json"
    save_baseline(promoted(run, despite_budgets=True), path)
    (broken,) = load_baseline(path).history.budgets
    assert (broken.case.variant, broken.budget, broken.value, broken.verdict) == (
        "student_scratch_f32",
        "latency_ratio_max",
        0.9,
        "fail",
    )


@pytest.mark.parametrize("reason", ["", " \n\t"])
def test_a_promotion_without_a_reason_is_refused(reason: str) -> None:
    run = document()
    with pytest.raises(HistoryError, match="needs a reason"):
        baseline_document(run, history(run), Promotion(PROMOTION.at, None, reason))


def test_a_baseline_that_does_not_fit_is_never_written(tmp_path: Path) -> None:
    path, _ = saved(tmp_path)
    before = path.read_bytes()
    content = promoted(document())
    content["cases"][0]["size_bytes"] = -1
    with pytest.raises(HistoryError, match=r"\$\.cases\[0\]\.size_bytes"):
        save_baseline(content, path)
    assert path.read_bytes() == before
    assert [each.name for each in path.parent.iterdir()] == ["digits.json"]


def test_without_a_baseline_it_is_said_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(HistoryError, match="slimbench promote RUN --reason"):
        load_baseline(tmp_path / "digits.json")


@pytest.mark.parametrize(
    "content", [b"", b"{", b"\xff\xfe", b"[]", b'{"schema": NaN}', b"[" * 100_000]
)
def test_a_damaged_file_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "digits.json"
    path.write_bytes(content)
    with pytest.raises(HistoryError, match=r"digits\.json"):
        load_baseline(path)
    path.unlink()
    path.mkdir()
    with pytest.raises(HistoryError, match=r"digits\.json is a folder"):
        load_baseline(path)


@pytest.mark.parametrize("number", [2, 0, "1", 1.5, None, True])
def test_another_schema_is_refused(tmp_path: Path, number: object) -> None:
    path, _ = saved(tmp_path)
    assert "reads 1" in changed(path, lambda content: content.update(schema=number))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda each: each.pop("promoted"), "'promoted' is a required property"),
        (lambda each: each.update(machine_info={}), "machine_info"),
        (lambda each: each["promoted"].update(reason=" "), "$.promoted.reason"),
        (lambda each: each["promoted"].update(at="yesterday"), "$.promoted.at: 'yesterday'"),
        (lambda each: each["run"].update(taken="2025-03-01"), "$.run.taken: '2025-03-01'"),
        (lambda each: each["cases"][3].update(threads=0), "$.cases[3].threads"),
        (lambda each: each["cases"][3].update(correct_bits="AAAA"), "does not hold 500"),
        (lambda each: each["cases"][3].update(profile="other"), "of profile other"),
        (lambda each: each["cases"].append(each["cases"][0]), "twice"),
        (lambda each: each["cases"].clear(), "$.cases"),
        (lambda each: each["cases"][3].update(init_ms=None), "'init_ms' is a required property"),
    ],
)
def test_what_does_not_fit_or_contradicts_itself_is_refused(
    tmp_path: Path, change: Any, message: str
) -> None:
    path, _ = saved(tmp_path)
    assert message in changed(path, change)
