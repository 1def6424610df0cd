from __future__ import annotations

import csv
import dataclasses
import io
import json

import pytest

from slimbench.report.words import ENGLISH as REPORT
from slimbench.trend.notes import ENGLISH, FRENCH
from slimbench.trend.render import (
    EARLIER_CHANGES,
    NEWEST,
    as_csv,
    as_json,
    displayed_runs,
    markdown,
    terminal,
)
from tests.trend.made import P50, made, of, point
from tests.trend.saved import VARIANT

STEP = [8.1] * 6 + [9.0] * 6


def rows(text: str) -> list[str]:
    """Return the lines that are runs, or that stand for some."""
    return [line for line in text.splitlines() if line.strip()[:1].isdigit() or "not shown" in line]


def test_a_change_is_marked_in_words_at_its_run() -> None:
    text = terminal([made(STEP)], VARIANT, P50, None, "en")
    lines = [line for line in rows(text) if ":00" in line]
    assert len(lines) == 12
    assert [line for line in lines if "level" in line] == [lines[6]]
    assert " ".join(lines[6].split()) == (
        "7 2025-01-01 19:00 f0c7a1d2b3e4 9.00 ms +11 % "
        "<- level changed here: 8.10 -> 9.00 ms, +11 %"
    )
    # Before the first change there is nothing to be held against.
    assert lines[0].split()[4:] == ["8.10", "ms"]
    assert lines[11].split()[-2:] == ["+11", "%"]
    assert "12 runs, 2025-01-01 to 2025-01-02, level 9.00 ms since run 7" in text
    assert text.startswith(f"{VARIANT}, {P50}: 12 runs in 1 partition.")


def test_it_says_that_it_judges_nothing() -> None:
    for show in (terminal, markdown):
        text = show([made(STEP)], VARIANT, P50, None, "en")
        assert "never judged" in text
        assert "never fails a build" in text
        assert ENGLISH.apart not in text


def test_each_partition_has_a_table_of_its_own() -> None:
    trends = [made(STEP, runtime="ai-edge-litert 2.2.0"), made([5.0], first=13)]
    text = terminal(trends, VARIANT, P50, None, "en")
    assert text.count("Commit") == 2
    assert text.index("litert 2.2.0") < text.index("litert 2.3.0")
    assert "13 runs in 2 partitions" in text
    assert ENGLISH.apart in text
    assert "\n1 run, 2025-01-02 to 2025-01-02, level 5.00 ms since run 13\n" in text
    # 5.00 ms are not held against another runtime's 9.00 ms.
    assert rows(text)[-1].split()[-2:] == ["5.00", "ms"]


def test_the_newest_runs_are_shown_and_where_the_level_changed_before() -> None:
    trend = made([8.0] * 50 + [9.0] * 50)
    assert displayed_runs(trend, None) == [50, *range(100 - NEWEST, 100)]
    text = terminal([trend], VARIANT, P50, None, "en")
    gaps = [line.split("  ")[-1].strip() for line in rows(text) if "not shown" in line]
    assert gaps == ["50 runs not shown", f"{100 - NEWEST - 51} runs not shown"]
    assert ENGLISH.more in text


def test_the_reader_may_say_how_many_runs() -> None:
    trend = made([8.0] * 50 + [9.0] * 50)
    assert displayed_runs(trend, 3) == [97, 98, 99]
    assert displayed_runs(trend, 1000) == list(range(100))
    text = terminal([trend], VARIANT, P50, 3, "en")
    assert len([line for line in rows(text) if ":00" in line]) == 3
    # The levels are those of all runs.
    assert "level 9.00 ms since run 51" in text
    assert rows(text)[-1].endswith("+12 %")


def test_a_figure_that_changes_at_every_run_does_not_fill_the_screen() -> None:
    trend = made([float(i) for i in range(1000)], "size_gzip_bytes")
    assert len(displayed_runs(trend, None)) == EARLIER_CHANGES + NEWEST


def test_what_is_special_about_a_run_is_said() -> None:
    points = [
        point(1, 8.0, status="partial"),
        dataclasses.replace(point(2, 8.1), dirty=True),
        point(3, None, reason="the clock stood still"),
    ]
    text = terminal([of(points)], VARIANT, P50, None, "en")
    first, second, third = rows(text)[-3:]
    assert first.endswith("partial")
    assert second.endswith("with changes")
    assert f"{REPORT.nothing} [1]" in third
    assert "[1] the clock stood still" in text
    assert "1 without a figure" in text


def test_a_metric_that_was_never_measured_has_no_level() -> None:
    text = terminal([made([None, None])], VARIANT, P50, None, "en")
    assert "no figure in any run" in text


def test_in_french() -> None:
    text = terminal([made(STEP), made([5.0, 5.1])], VARIANT, P50, None, "fr")
    assert "<- le niveau change ici : 8,10 -> 9,00 ms, +11 %" in text
    assert "14 exécutions dans 2 partitions" in text
    assert "litert avec 1 thread" in text
    assert FRENCH.unpaired in text
    assert not [word for word in ("Run", "level", "runs") if word in text]


def test_markdown_keeps_recorded_text_from_being_markup() -> None:
    trend = made(STEP, cpu="<b>|CPU|_x_</b>")
    text = markdown([trend], VARIANT, P50, None, "en")
    assert "<b>" not in text
    assert r"\<b\>\|CPU\|\_x\_" in text
    table = [line for line in text.splitlines() if line.startswith("|")]
    assert len(table) == 2 + 12
    assert {line.replace(r"\|", "").count("|") for line in table} == {7}


@pytest.mark.parametrize("metric", ["size_bytes", "accuracy_top1", P50])
def test_how_levels_are_found_is_said(metric: str) -> None:
    text = terminal([made([0.5] * 3, metric)], VARIANT, metric, None, "en")
    assert (ENGLISH.exact in text) == (metric != P50)
    assert ("at least 5 runs" in text) == (metric == P50)


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
