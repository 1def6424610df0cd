from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from slimbench.errors import UsageProblem
from slimbench.trend.index import refresh, using
from slimbench.trend.trends import Query, Series, series
from tests.trend.made import made
from tests.trend.saved import BEGIN, MACHINE, OTHER, VARIANT, document, info_of, put, put_all

P50 = "latency_ms.p50"


@pytest.fixture
def results(tmp_path: Path) -> Path:
    return tmp_path / "results"


@pytest.fixture
def find(results: Path, tmp_path: Path) -> Callable[..., tuple[Series, ...]]:
    def found(metric: str = P50, variant: str = VARIANT, **narrow: Any) -> tuple[Series, ...]:
        def work(connection: sqlite3.Connection) -> tuple[Series, ...]:
            refresh(connection, results, lambda *_: None)
            return series(connection, Query(variant, metric, **narrow))

        return using(results, tmp_path / "cache", work, pytest.fail)

    return found


Find = Callable[..., tuple[Series, ...]]


def values(found: Series) -> list[float | None]:
    return [point.value for point in found.points]


def test_runs_are_in_the_order_of_their_numbers(results: Path, find: Find) -> None:
    put(results, 10_001, document(8.2))
    put(results, 2, document(8.1, taken=BEGIN.replace(year=2026)))
    put(results, 1, document(8.0))
    (found,) = find()
    assert [(point.number, point.value) for point in found.points] == [
        (1, 8.0),
        (2, 8.1),
        (10_001, 8.2),
    ]
    assert found.points[0].file.startswith("0001_")
    assert found.partition.machine == MACHINE
    assert found.partition.cpu == "AMD EPYC (2 CPUs)"
    assert found.partition.runtime == "ai-edge-litert 2.3.0"


@pytest.mark.parametrize(
    ("metric", "change"),
    [
        (P50, lambda run: run["slimbench"]["versions"].update({"ai-edge-litert": "2.4.0"})),
        (P50, lambda run: run["slimbench"]["versions"].pop("ai-edge-litert")),
        (P50, lambda run: run["machine_info"]["cpu"].update(brand_raw="Other CPU")),
        (P50, lambda run: run["machine_info"]["cpu"].update(count=8)),
        (P50, lambda run: info_of(run).update(threads=2)),
        (P50, lambda run: info_of(run).update(engine="tflite")),
        (P50, lambda run: info_of(run).update(runtime_options={"xnnpack": "off"})),
        ("accuracy_top1", lambda run: info_of(run).update(eval_sha256="1" * 64)),
        ("accuracy_drop", lambda run: info_of(run).update(eval_sha256="1" * 64)),
        ("accuracy_drop", lambda run: info_of(run).update(reference=OTHER)),
        ("speedup", lambda run: info_of(run).update(reference=OTHER)),
        ("size_ratio", lambda run: info_of(run).update(reference=OTHER)),
    ],
)
def test_what_makes_figures_not_comparable_parts_them(
    results: Path, find: Find, metric: str, change: Callable[[Any], object]
) -> None:
    put_all(results, [8.0, 8.1])
    put_all(results, [9.0], change, first=3)
    put_all(results, [8.2], first=4)
    apart, together = find(metric)
    assert [point.number for point in apart.points] == [3]
    assert [point.number for point in together.points] == [1, 2, 4]
    assert apart.partition != together.partition


@pytest.mark.parametrize(
    "change",
    [
        lambda run: info_of(run).update(reference=OTHER),
        lambda run: info_of(run).update(eval_sha256="1" * 64),
        lambda run: run["slimbench"]["versions"].update(tensorflow="9"),
        lambda run: run["slimbench"].update(seed=7),
        lambda run: run["machine_info"].update(node="another name"),
    ],
)
def test_what_does_not_matter_to_a_time_parts_nothing(
    results: Path, find: Find, change: Callable[[Any], object]
) -> None:
    put_all(results, [8.0])
    put_all(results, [8.1], change, first=2)
    (found,) = find()
    assert values(found) == [8.0, 8.1]


def test_machines_and_profiles_are_apart_and_the_newest_is_last(results: Path, find: Find) -> None:
    put(results, 1, document(8.0, taken=BEGIN.replace(day=3)))
    put(results, 1, document(5.0, taken=BEGIN.replace(day=2)), machine="Linux-CPython-3.12-64bit")
    put(results, 2, document(7.0, taken=BEGIN.replace(day=1), profile="quick"))
    assert [values(each) for each in find()] == [[7.0], [5.0], [8.0]]
    assert [values(each) for each in find(profile="quick")] == [[7.0]]


def test_it_can_be_narrowed(results: Path, find: Find) -> None:
    put_all(results, [8.0])
    put_all(results, [6.0], lambda run: info_of(run).update(threads=2), first=2)
    put_all(results, [9.0], lambda run: info_of(run).update(engine="keras"), first=3)
    assert len(find()) == 3
    assert [values(each) for each in find(threads=2)] == [[6.0]]
    assert [values(each) for each in find(engine="keras")] == [[9.0]]
    assert [each.partition.runtime for each in find(engine="keras")] == ["tensorflow 2.21.0"]


def test_an_engine_of_an_unknown_package_goes_by_all_versions(results: Path, find: Find) -> None:
    put_all(results, [8.0], lambda run: info_of(run).update(engine="another"))
    (found,) = find()
    assert "ai-edge-litert 2.3.0" in found.partition.runtime
    assert "tensorflow 2.21.0" in found.partition.runtime


def test_partial_runs_are_there_and_interrupted_ones_are_not(results: Path, find: Find) -> None:
    for number, status in enumerate(("complete", "partial", "interrupted"), 1):
        put(results, number, document(8.0, status=status))
    (found,) = find()
    assert [point.status for point in found.points] == ["complete", "partial"]


def test_published_and_promoted_files_are_no_runs(results: Path, find: Find) -> None:
    put_all(results, [8.0])
    for folder in ("published", "baselines"):
        put(results, 2, document(9.0), machine=folder)
    (found,) = find()
    assert values(found) == [8.0]


def test_a_figure_that_is_not_there_has_its_reason(results: Path, find: Find) -> None:
    def unmeasured(run: Any) -> None:
        info_of(run)["latency_ms"] = None
        info_of(run)["reasons"]["latency_ms"] = "the clock\nstood still"

    def few(run: Any) -> None:
        info_of(run)["latency_ms"].update(p99=None, n=50)
        info_of(run)["reasons"]["latency_ms.p99"] = "too few"

    put_all(results, [8.0])
    put_all(results, [8.0], unmeasured, first=2)
    put_all(results, [8.0], few, first=3)
    (found,) = find("latency_ms.p99")
    assert [point.reason for point in found.points] == ["", "the clock stood still", "too few"]
    (never,) = find("sparsity_prunable")
    assert {point.reason for point in never.points} == {"no layer of it was pruned"}


def test_errors_list_what_there_is(results: Path, find: Find) -> None:
    with pytest.raises(UsageProblem, match="no saved run here"):
        find()
    put(results, 1, document(8.0, status="interrupted"))
    with pytest.raises(UsageProblem, match="no saved run here"):
        find()
    put_all(results, [8.0], first=2)
    with pytest.raises(UsageProblem) as unknown:
        find(variant="resnet50_f23")
    assert f"Is {VARIANT} meant?" in str(unknown.value)
    assert f"There are: {VARIANT}, {OTHER}." in str(unknown.value)
    for metric in ("latency_ms", "latency_ms.p5O", 'x"', "", "p50", "latency_ms.p50.x", "threads"):
        with pytest.raises(UsageProblem) as unknown:
            find(metric)
        assert "latency_ms.p50, " in str(unknown.value)
        assert "size_bytes" in str(unknown.value)
    with pytest.raises(UsageProblem, match="--engine=litert --threads=1 --profile=digits"):
        find(threads=3)
    with pytest.raises(UsageProblem, match="fits these options"):
        find(profile="cifar10")
    with pytest.raises(UsageProblem, match="resnet50_f32"):
        find("no_metric", variant="no_variant")


def test_levels_are_medians_and_a_run_is_held_against_the_one_before() -> None:
    values = [8.0, 8.1, 7.9, 80.0, 8.1, 8.0, 9.9, 10.0, 10.1, 10.0, 10.1]
    found = made(values)
    first, second = found.levels
    assert (first.value, second.value) == (8.05, 10.0)
    assert [point.number for point in second.points] == [7, 8, 9, 10, 11]
    (change,) = found.changes
    assert change.point.number == 7
    assert {run.before for run in found.runs[:6]} == {None}
    assert {run.before for run in found.runs[6:]} == {first.value}


def test_a_run_without_a_figure_is_in_no_level_and_parts_none() -> None:
    found = made([None, *[8.0] * 5, None, *[8.0] * 5, None])
    assert [run.level for run in found.runs] == [None, *[0] * 5, None, *[0] * 5, None]
    assert len(found.levels[0].points) == 10
    assert made([None, None]).levels == ()
