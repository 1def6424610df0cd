from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from slimbench.trend import trends as module
from slimbench.trend.change_points import level_starts
from slimbench.trend.index import refresh, using
from slimbench.trend.series import Wanted
from slimbench.trend.trends import Trend, trends
from tests.trend.made import made
from tests.trend.saved import VARIANT, put_all


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
