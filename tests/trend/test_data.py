from __future__ import annotations

import csv
import io
import json

import pytest

from slimbench.trend.data import as_csv, as_json
from tests.trend.made import P50, made
from tests.trend.saved import VARIANT

VALUES = [8.123456789] * 6 + [None] + [9.0] * 6


def test_json_has_unrounded_figures_levels_and_changes() -> None:
    trends = [made(VALUES), made([5.0], engine="keras", threads=2)]
    content = json.loads(as_json(trends, VARIANT, None, [("m/0009.json", "is a folder")]))
    assert (content["variant"], content["metric"], content["unit"]) == (VARIANT, P50, "ms")
    assert content["skipped"] == [{"file": "m/0009.json", "problem": "is a folder"}]
    assert "never fails a build" in content["note"]
    first, second = content["partitions"]
    assert first["levels"] == [
        {"first_run": 1, "last_run": 6, "runs": 6, "value": 8.123456789},
        {"first_run": 8, "last_run": 13, "runs": 6, "value": 9.0},
    ]
    (change,) = first["changes"]
    assert (change["run"], change["before"], change["after"]) == (8, 8.123456789, 9.0)
    assert change["change"] == pytest.approx(9.0 / 8.123456789 - 1)
    runs = first["runs"]
    assert [run["value"] for run in runs] == VALUES
    assert [run["is_change_point"] for run in runs] == [False] * 7 + [True] + [False] * 5
    assert (runs[6]["reason"], runs[6]["level"]) == ("the clock stood still", None)
    assert (runs[0]["level_before"], runs[0]["change"]) == (None, None)
    assert runs[0]["taken"] == "2025-01-01T13:00:00+00:00"
    assert (second["engine"], second["threads"], second["changes"]) == ("keras", 2, [])


def test_the_newest_runs_alone_keep_their_levels() -> None:
    content = json.loads(as_json([made(VALUES)], VARIANT, 2, []))
    (found,) = content["partitions"]
    assert [run["run"] for run in found["runs"]] == [12, 13]
    assert len(found["levels"]) == 2
    assert found["runs"][0]["level_before"] == 8.123456789


def test_shares_change_by_their_difference() -> None:
    content = json.loads(as_json([made([0.5, 0.4], "accuracy_top1")], VARIANT, None, []))
    ((change,),) = [each["changes"] for each in content["partitions"]]
    assert change["change"] == pytest.approx(-0.1)
    assert content["exact"] is True
    assert content["shortest_level"] == 1


def test_csv_has_a_line_for_each_run_and_nothing_else() -> None:
    text = as_csv([made(VALUES), made([5.0], cpu='A "fast", CPU')], VARIANT, None)
    lines = list(csv.DictReader(io.StringIO(text)))
    assert len(lines) == 14
    assert (lines[7]["value"], lines[7]["is_change_point"]) == ("9.0", "True")
    assert lines[7]["level_before"] == "8.123456789"
    assert (lines[6]["value"], lines[6]["reason"]) == ("", "the clock stood still")
    assert lines[13]["cpu"] == 'A "fast", CPU'
    assert not text.endswith("\n")
    assert len(as_csv([made(VALUES)], VARIANT, 3).splitlines()) == 4
