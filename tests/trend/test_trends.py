from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from bench.trend import trends as module
from bench.trend.change_points import level_starts
from bench.trend.index import refresh, using
from bench.trend.series import Wanted
from bench.trend.trends import USUAL, Trend, look_ahead, trends
from tests.trend.made import made
from tests.trend.saved import OTHER, VARIANT, Document, info_of, put_all


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


def test_levels_are_looked_for_again_only_when_a_value_is_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = tmp_path / "results"
    looked: list[int] = []

    def counted(values: list[float], *, exact: bool) -> tuple[int, ...]:
        looked.append(len(values))
        return level_starts(values, exact=exact)

    monkeypatch.setattr(module, "level_starts", counted)

    def work(connection: sqlite3.Connection) -> tuple[Trend, ...]:
        refresh(connection, results, lambda *_: None)
        return trends(connection, Wanted(VARIANT, "latency_ms.p50"))

    def find() -> Trend:
        (found,) = using(results, tmp_path / "cache", work, pytest.fail)
        return found

    put_all(results, [8.0] * 6 + [9.0] * 6)
    assert find() == find()
    assert looked == [12]
    put_all(results, [9.1], first=13)
    found = find()
    assert looked == [12, 13]
    assert [run.point.number for run in found.changes] == [7]


def test_what_was_looked_for_ahead_is_at_hand_whichever_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = tmp_path / "results"
    put_all(results, [8.0] * 6 + [9.0] * 6)
    put_all(results, [4.0] * 11, lambda run: info_of(run).update(threads=2), first=13)
    told: list[tuple[float, float]] = []

    def ahead(connection: sqlite3.Connection) -> None:
        refresh(connection, results, lambda *_: None)
        look_ahead(connection, lambda done, total, _note="": told.append((done, total)))

    using(results, tmp_path / "cache", ahead, pytest.fail)
    assert told == [(i, 2 * len(USUAL)) for i in range(2 * len(USUAL))]

    def never(_values: list[float], *, exact: bool) -> tuple[int, ...]:
        raise AssertionError(f"looked again, exact: {exact}")

    monkeypatch.setattr(module, "level_starts", never)

    def work(connection: sqlite3.Connection) -> list[tuple[Trend, ...]]:
        wanted = [Wanted(variant, metric) for variant in (VARIANT, OTHER) for metric in USUAL]
        return [trends(connection, each) for each in wanted]

    medians, *_ = found = using(results, tmp_path / "cache", work, pytest.fail)
    assert {len(each) for each in found} == {1, 2}
    assert [len(each.levels) for each in medians] == [2, 1]


def test_what_was_never_measured_is_no_obstacle_ahead(tmp_path: Path) -> None:
    def unmeasured(run: Document) -> None:
        for variant in (VARIANT, OTHER):
            info = info_of(run, variant)
            info["latency_ms"] = None
            info["reasons"]["latency_ms"] = "the clock stood still"

    put_all(tmp_path / "results", [8.0], unmeasured)

    def ahead(connection: sqlite3.Connection) -> None:
        refresh(connection, tmp_path / "results", lambda *_: None)
        look_ahead(connection, lambda *_: None)

    using(tmp_path / "results", tmp_path / "cache", ahead, pytest.fail)
