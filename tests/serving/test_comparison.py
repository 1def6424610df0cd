"""All four servers with a tiny model, for fractions of a second: everything but the figures."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from slimbench.budgets import judge, kinds
from slimbench.metrics.serving import NO_RIGHT, NOT_ITSELF, NOT_LIVE, NOT_SERVED, Serving, summarise
from slimbench.serving import comparison as comparison_module
from slimbench.serving.comparison import compare, histogram_totals
from slimbench.serving.figures import (
    BATCHING,
    LOCKED,
    PLAIN,
    TUTORIAL,
    Comparison,
    Conditions,
    Overload,
    ServerFigures,
    paired_ratio,
    shipped_server,
)
from slimbench.serving.servers import OURS, ServedModel
from slimbench.spec import Budget, Case, Subject, Unmeasured
from tests.metrics.subjects import HandmadeSubject
from tests.tiny_models import SHAPE, first_pixels, linear_model

pytest.importorskip("granian")

BRIEF = Conditions(
    starts=1, single_s=0.3, clients=2, rounds=1, round_s=0.4, p99_limit_ms=5000, trial_s=0.3,
    steps=1, beyond_s=0.3, overload_s=0.3,
)  # fmt: skip


def test_all_servers_are_measured_in_one_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("slimbench.serving.capacity.AFTER_S", 1.0)
    monkeypatch.setattr(comparison_module, "with_tensorflow", lambda *_: None)
    served = ServedModel(linear_model(tmp_path / "m.tflite", first_pixels(4)), "raw", SHAPE)
    images = np.random.default_rng(0).integers(0, 256, (5, *SHAPE), dtype=np.uint8)
    said: list[str] = []
    measured = compare(served, images, BRIEF, said.append)
    assert set(measured.servers) == {PLAIN, BATCHING, TUTORIAL, LOCKED}
    for name, figures in measured.servers.items():
        missing = {key for key in vars_of(figures) if getattr(figures, key) is None}
        assert missing == set(figures.reasons), name
        assert (figures.right_per_s or 0) > 0
        assert (figures.mean_batch is not None) == (name in OURS)
        assert figures.deaths == 0
    for name in (PLAIN, BATCHING, LOCKED):
        assert (measured.servers[name].wrong, measured.servers[name].failed) == (0, 0)
    assert measured.servers[PLAIN].mean_batch == 1
    assert measured.overload is not None
    assert set(measured.overload.statuses) <= {"200", "503"}
    reading = summarise(measured)
    assert tuple(reading) == Serving.keys
    assert json.loads(json.dumps(reading["serving"]))["shipped"] == measured.shipped
    assert reading["serving_memory_ratio"] == Unmeasured("TensorFlow is not installed here")
    assert any(TUTORIAL in each for each in said)


def vars_of(figures: ServerFigures) -> list[str]:
    return [name for name in figures.__slots__ if name != "reasons"]


def figures(*rounds: float, **others: Any) -> ServerFigures:
    middle = sorted(rounds)[len(rounds) // 2] if rounds else None
    made = ServerFigures(60, 80.0, 1.0, 1.5, middle, rounds, 0, 0, 0, 1.0, 400.0, 20.0, 0.1)
    for key, value in others.items():
        setattr(made, key, value)
    return made


CALM = Overload(10, 5, 4000, {"200": 10, "503": 90}, 0, 0, 12.0, 0, 0.2)


def comparison(**changed: Any) -> Comparison:
    servers = {
        PLAIN: figures(300, 320, 310),
        BATCHING: figures(300, 330, 310),
        TUTORIAL: figures(100, 80, 155, wrong=3, failed=200),
        LOCKED: figures(200, 200, 155),
    }
    made = Comparison(BRIEF, servers, PLAIN, 1500.0, 640.0, "", CALM, "")
    return replace(made, **changed)


def test_ratios_are_of_rounds_side_by_side() -> None:
    reading = summarise(comparison())
    assert reading["serving_throughput_ratio"] == 3  # of 3, 4 and 2
    assert reading["serving_throughput_locked_ratio"] == 1.6
    assert reading["serving_memory_ratio"] == 0.125
    assert (reading["serving_wrong"], reading["serving_failed"]) == (0, 0)
    assert reading["serving_start_ms"] == 1500
    assert reading["serving_livez_p99_ms"] == 12


def test_batches_are_shipped_only_where_they_pay() -> None:
    assert shipped_server({PLAIN: figures(100, 100), BATCHING: figures(104, 104)}) == PLAIN
    assert shipped_server({PLAIN: figures(100, 100), BATCHING: figures(106, 106)}) == BATCHING
    assert shipped_server({PLAIN: figures(100, 0), BATCHING: figures(106, 106)}) == PLAIN


def test_there_is_no_ratio_to_a_server_that_gave_nothing() -> None:
    assert paired_ratio(figures(1, 2), figures(1, 0)) is None
    assert paired_ratio(figures(1, 2), figures()) is None
    assert paired_ratio(figures(1, 2), figures(1)) is None
    dead = ServerFigures()
    dead.leave_out_rest("tutorial did not start: ended by SIGSEGV")
    servers = {**comparison().servers, TUTORIAL: dead, LOCKED: figures(1, 0, 1)}
    reading = summarise(comparison(servers=servers))
    said = Unmeasured("tutorial did not start: ended by SIGSEGV")
    assert reading["serving_throughput_ratio"] == said
    assert reading["serving_throughput_locked_ratio"] == Unmeasured(NO_RIGHT)


def test_a_server_that_never_recovers_breaks_a_budget_all_the_same() -> None:
    lost = replace(CALM, livez_p99_ms=None, livez_failed=7, recovery_s=None)
    reading = summarise(comparison(overload=lost))
    assert reading["serving_livez_p99_ms"] == Unmeasured(NOT_LIVE)
    assert reading["serving_recovery_s"] == Unmeasured(NOT_ITSELF)
    limit = Budget("v", "litert", 1, "serving_overload_failed_max", 0, 1)
    assert judge(limit, reading).verdict == "fail"


def test_every_budget_of_serving_is_on_a_key_that_is_read() -> None:
    of_serving = [kind for kind in kinds().values() if kind.group == "serving"]
    assert {kind.metric for kind in of_serving} <= set(Serving.keys)
    assert len(of_serving) > 8


def test_only_what_is_served_is_measured() -> None:
    other = HandmadeSubject(case=Case("student_f32", "litert", 2))
    reading = Serving().read(cast(Subject, other))
    assert set(reading) == set(Serving.keys)
    assert set(reading.values()) == {Unmeasured(NOT_SERVED)}


def test_totals_are_over_all_models() -> None:
    text = (
        "# TYPE batch histogram\n"
        'batch_bucket{model="a",le="+Inf"} 4.0\nbatch_sum{model="a"} 10.0\n'
        'batch_count{model="a"} 4.0\nbatch_sum{model="b"} 1.0\nbatch_count{model="b"} 1.0\n'
    )
    assert histogram_totals(text, "batch") == (11, 5)
    with pytest.raises(ValueError, match="have no other"):
        histogram_totals(text, "other")
