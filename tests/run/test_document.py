from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import pytest
from pytest_benchmark.stats import Stats

from slimbench import engines, metrics
from slimbench.build.scheduler import Failure
from slimbench.build.store import file_sha256
from slimbench.history.document import check
from slimbench.history.record import record
from slimbench.paths import CODE
from slimbench.run.document import document, extra_info, versions
from slimbench.run.session import Run
from slimbench.spec import Budget, Case, Group, Unmeasured
from tests import example_history
from tests.ready_run import REFERENCE, SMALL, Setup

PREFLIGHT = example_history.document()["slimbench"]["preflight"]
OTHER_THREADS = Case(SMALL.variant, "litert", 2)


def latency(samples: int) -> dict[str, Any]:
    p99 = 4.0 if samples >= 100 else None
    return {"min": 1.0, "p50": 2.0, "p90": 3.0, "p99": p99, "mean": 2.0, "n": samples}


def measured(run: Run, *cases: Case, samples: int = 300) -> Run:
    """Read sizes and accuracies of real files; times are made up."""
    for case in cases:
        run.hold(case, "size")
        run.hold(case, "accuracy")
        speedup = 1.0 if case.variant == REFERENCE.variant else 1.5
        startup = {"init_ms": 1.0, "first_invoke_ms": 2.0, "peak_rss_mb": 3.0}
        run.subject(case).readings.update(
            {"latency_ms": latency(samples), "speedup": speedup, **startup}
        )
        run.finished[case].add("latency")
    return run


def base(*cases: Case, samples: int = 300) -> dict[str, Any]:
    """What pytest-benchmark makes of a run that timed these."""
    frame = example_history.document()
    del frame["slimbench"]
    stats = Stats()
    for sample in range(samples):
        stats.update(0.001 + sample * 1e-6)
    frame["benchmarks"] = [
        {
            "group": None,
            "name": f"test_latency[{case.id}]",
            "fullname": f"bench/test_latency.py::test_latency[{case.id}]",
            "params": {"case": "unserialisable"},
            "param": case.id,
            "extra_info": {},
            "options": {},
            "stats": {**stats.as_dict(), "data": stats.data, "iterations": 1},
        }
        for case in cases
    ]
    return frame


def test_it_is_a_history_that_can_be_read(tmp_path: Path) -> None:
    run = measured(Setup(tmp_path).run(), REFERENCE, SMALL)
    made = document(run, base(REFERENCE, SMALL), status="complete", preflight=PREFLIGHT)
    written = json.loads(json.dumps(made, allow_nan=False))
    check(written, "this run")
    history = record(written, Path("this run"))
    assert [entry.case for entry in history.entries] == [REFERENCE, SMALL]
    small = history.entries[1]
    assert small.accuracy_top1 == 1
    assert small.accuracy_drop == -0.25
    assert small.reference == REFERENCE.variant
    assert small.input_shape == (1, 4, 4, 3)
    model = run.plan.store.root / small.model_file
    assert small.model_sha256 == file_sha256(model)
    assert set(history.seconds) == {"import", "train", "convert", "measure", "score", "other"}
    assert (history.status, history.profile, history.seed) == ("complete", "digits", 0)
    assert set(written["benchmarks"][0]["params"]) == {"case"}


def test_what_is_no_case_of_the_run_is_left_out(tmp_path: Path) -> None:
    run = measured(Setup(tmp_path).run(), REFERENCE, SMALL)
    frame = base(REFERENCE, SMALL, Case("stranger", "litert", 1))
    frame["benchmarks"].append({**frame["benchmarks"][0], "param": None})
    made = document(run, frame, status="complete", preflight=PREFLIGHT)
    variants = [entry["extra_info"]["variant"] for entry in made["benchmarks"]]
    assert variants == [REFERENCE.variant, SMALL.variant]


def test_an_interrupted_run_keeps_only_what_was_finished(tmp_path: Path) -> None:
    cases = [REFERENCE, SMALL, Case(REFERENCE.variant, "litert", 2), OTHER_THREADS]
    limits = [Budget(case.variant, "litert", case.threads, "size_mb_max", 1, 1) for case in cases]
    run = measured(Setup(tmp_path, cases=cases, budgets=limits).run(), REFERENCE, SMALL)
    run.hold(OTHER_THREADS, "size")  # another case of a variant that is kept
    made = document(run, base(*cases), status="interrupted", preflight=PREFLIGHT)
    kept = [REFERENCE, SMALL]
    assert [entry["param"] for entry in made["benchmarks"]] == [case.id for case in kept]
    judged = [Case(r["variant"], r["engine"], r["threads"]) for r in made["slimbench"]["budgets"]]
    assert judged == kept


def test_samples_are_thinned_but_statistics_are_of_all(tmp_path: Path) -> None:
    run = measured(Setup(tmp_path).run(), REFERENCE)
    made = document(run, base(REFERENCE), status="partial", preflight=PREFLIGHT)
    (entry,) = made["benchmarks"]
    assert len(entry["stats"]["data"]) == 200
    assert entry["stats"]["rounds"] == 300
    assert entry["stats"]["data"][0] == 0.001
    assert entry["stats"]["data"][-1] == pytest.approx(0.001299)


def test_every_null_has_its_reason(tmp_path: Path) -> None:
    gone = Failure("no weights", missing=True)
    run = Setup(tmp_path, failures={REFERENCE.variant: gone}).run()
    run.hold(SMALL, "size")
    info = extra_info(run, SMALL)
    assert set(metrics.keys(run.plan.profile.benchmarks)) <= set(info)
    nulls = {key for key, value in info.items() if value is None}
    assert nulls == set(info["reasons"])
    assert "no weights" in info["reasons"]["size_ratio"]
    assert info["reasons"]["sparsity_prunable"] == "no layer of it was pruned"
    assert "left out of this run" in info["reasons"]["accuracy_top1"]
    assert "left out of this run" in info["reasons"]["latency_ms"]


def test_what_the_runtime_was_told_is_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = measured(Setup(tmp_path).run(), REFERENCE)
    assert extra_info(run, REFERENCE)["runtime_options"] == {}
    told = {"op_resolver": "BUILTIN_REF"}
    monkeypatch.setattr(engines.get("litert"), "options", told)
    made = document(run, base(REFERENCE), status="partial", preflight=PREFLIGHT)
    check(json.loads(json.dumps(made)), "this run")
    assert record(made, Path("this run")).entries[0].runtime_options == told


def test_a_99th_percentile_of_few_samples_is_null_with_its_reason(tmp_path: Path) -> None:
    run = measured(Setup(tmp_path).run(), REFERENCE, samples=99)
    info = extra_info(run, REFERENCE)
    assert info["latency_ms"]["p99"] is None
    assert info["reasons"]["latency_ms.p99"] == "fewer than 100 invocations were timed"
    enough = extra_info(measured(run, REFERENCE, samples=100), REFERENCE)
    assert "latency_ms.p99" not in enough["reasons"]


def test_a_reading_cannot_take_the_place_of_what_was_run(tmp_path: Path) -> None:
    run = measured(Setup(tmp_path).run(), SMALL)
    run.subject(SMALL).readings["model_sha256"] = Unmeasured("the disk is gone")
    info = extra_info(run, SMALL)
    assert info["model_sha256"] == file_sha256(run.subject(SMALL).model)
    assert "model_sha256" not in info["reasons"]


def test_missing_variants_are_listed(tmp_path: Path) -> None:
    gone = Failure("its weights are on no disk here", missing=True)
    run = measured(Setup(tmp_path, failures={SMALL.variant: gone}).run(), REFERENCE)
    made = document(run, base(REFERENCE), status="complete", preflight=PREFLIGHT)
    assert made["slimbench"]["missing"] == [{"variant": SMALL.variant, "reason": gone.reason}]


def test_versions_name_what_models_and_times_depend_on() -> None:
    found = versions()
    assert {"python", "slimbench", "ai-edge-litert", "tensorflow", "numpy"} <= set(found)
    assert all(version[0].isdigit() for version in found.values())


def test_the_groups_are_the_benchmarks() -> None:
    assert {f"test_{group}.py" for group in get_args(Group)} == {
        path.name for path in (CODE / "bench").glob("test_*.py")
    }
