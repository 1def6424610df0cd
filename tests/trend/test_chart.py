from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from PIL import Image

import slimbench
from slimbench.report.chart_style import ChartError
from slimbench.trend.chart import (
    LETTER,
    MOST_PANELS,
    draw,
    figure,
    place_change_labels,
    visible_limits,
)
from slimbench.trend.notes import ENGLISH
from slimbench.trend.trends import Trend
from tests.trend.made import P50, made, of, point
from tests.trend.saved import VARIANT

STEP = [8.0, 8.1] * 5 + [9.0, 9.1] * 5


def texts(axes: Axes) -> list[str]:
    return [text.get_text() for text in axes.texts]


def points(axes: Axes) -> dict[float, float]:
    """Return the drawn runs, by number."""
    drawn = [line for line in axes.lines if line.get_linestyle() == "None"]
    spots = [np.asarray(line.get_xydata(), dtype=float) for line in drawn]
    return {float(x): float(y) for x, y in np.concatenate(spots)}


def levels(axes: Axes) -> list[tuple[float, float, float]]:
    """Return start, end and value of each level that is drawn."""
    return [
        (float(start[0]), float(end[0]), float(start[1]))
        for lines in axes.collections
        if isinstance(lines, LineCollection)
        for start, end in lines.get_segments()
    ]


def changes(axes: Axes) -> list[float]:
    dashed = [line for line in axes.lines if line.get_linestyle() == "--"]
    return [float(np.asarray(line.get_xdata(), dtype=float)[0]) for line in dashed]


def drawn(*trends: Trend, last: int | None = None) -> list[Axes]:
    return figure(trends, VARIANT, last, "en").axes


def test_points_levels_and_the_change_are_drawn_and_said() -> None:
    (axes,) = drawn(made(STEP))
    assert points(axes) == {float(i): value for i, value in enumerate(STEP, 1)}
    assert levels(axes) == [(0.5, 10.5, 8.05), (10.5, 20.5, 9.05)]
    assert changes(axes) == [10.5]
    assert texts(axes) == ["8.05 -> 9.05 ms, +12 %"]


def test_partitions_have_panels_of_their_own_and_nothing_joins_them() -> None:
    old = made(STEP, runtime="ai-edge-litert 2.2.0")
    new = made([5.0, 5.1, 5.2], first=21)
    top, bottom = drawn(old, new)
    assert "2.3.0" in top.get_title(loc="left")
    assert "2.2.0" in bottom.get_title(loc="left")
    assert set(points(top)) == {21, 22, 23}
    assert max(points(bottom)) == 20
    for axes in (top, bottom):
        # Points are points: no line runs from one to the next, and a level ends with its runs.
        assert all(start < min(points(axes)) + 11 for start, _, _ in levels(axes))
        assert all(end <= max(points(axes)) + 0.5 for _, end, _ in levels(axes))


def test_the_newest_partitions_are_drawn_and_the_others_counted() -> None:
    trends = [made([float(i)], runtime=f"r {i}") for i in range(1, MOST_PANELS + 4)]
    picture = figure(trends, VARIANT, None, "en")
    assert len(picture.axes) == MOST_PANELS
    assert f"r {MOST_PANELS + 3}" in picture.axes[0].get_title(loc="left")
    (legend,) = picture.legends
    assert legend.get_title().get_text() == ENGLISH.chart_more_partitions.format(count=3)


def test_a_slow_run_is_drawn_at_the_edge_and_presses_nothing_together() -> None:
    values = [8.0, 8.1, 7.9, 8.05, 8.0] * 4
    values[7] = 800.0
    (axes,) = drawn(made(values))
    high = axes.get_ylim()[1]
    assert high < 10
    assert points(axes)[8] < high
    assert {line.get_marker() for line in axes.lines} == {"o", "^"}


def test_few_runs_are_all_in_their_place() -> None:
    (axes,) = drawn(made([8.0, 800.0]))
    assert points(axes) == {1: 8.0, 2: 800.0}
    assert {line.get_marker() for line in axes.lines} == {"o"}


def test_partial_runs_look_different() -> None:
    (axes,) = drawn(of([point(1, 8.0), point(2, 8.1, status="partial")]))
    faces = {line.get_markerfacecolor() for line in axes.lines}
    assert len(faces) == 2


def test_one_run_and_none_are_drawn_too() -> None:
    one, none = drawn(made([None, None]), made([8.0]))
    assert points(one) == {1: 8.0}
    assert [label.get_text() for label in one.get_xticklabels()] == ["1\n2025-01-01"]
    assert texts(none) == [ENGLISH.chart_nothing]


def test_the_last_runs_keep_the_levels_of_all() -> None:
    (axes,) = drawn(made(STEP), last=4)
    assert set(points(axes)) == {17, 18, 19, 20}
    assert levels(axes) == [(16.5, 20.5, 9.05)]
    assert changes(axes) == []


def test_sizes_that_differ_by_a_byte_are_told_apart_on_the_axis() -> None:
    (axes,) = drawn(made([94049320.0, 94049321.0], "size_bytes"))
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels == ["94,049,320", "94,049,321"]
    assert axes.get_ylabel() == "B"
    (axes,) = drawn(made([94049320.0] * 3, "size_bytes"))
    assert axes.get_ylabel() == "MiB"


@pytest.mark.parametrize(
    ("values", "metric"),
    [
        ([0.966, 0.97, 0.98], "accuracy_top1"),
        ([0.0, 0.0], "accuracy_drop"),
        ([-0.01, 0.02], "accuracy_drop"),
        ([0.0] * 12, "init_ms"),
        ([1e-9, 1e12], P50),
        ([163.0, 164.0], "latency_ms.n"),
        ([0.25, 0.5], "a_new_metric"),
    ],
)
def test_tick_labels_all_differ(values: list[float], metric: str) -> None:
    (axes,) = drawn(made(values, metric))
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert len(set(labels)) == len(labels) > 1


def test_many_changes_are_all_marked_and_as_many_named_as_fit() -> None:
    values = [8.0 + (i // 10) % 2 + i / 1000 for i in range(400)]
    (axes,) = drawn(made(values, "size_gzip_bytes"))
    assert len(changes(axes)) == 399
    assert 1 <= len(texts(axes)) < 40
    assert axes.get_title(loc="right").startswith("399 changes")


@given(
    at=st.lists(st.integers(2, 300), min_size=1, max_size=30, unique=True),
    last=st.integers(301, 5000),
)
def test_names_of_changes_never_cover_each_other(at: list[int], last: int) -> None:
    values = np.cumsum([float(i in at) for i in range(1, 302)]) + 1
    found = of(
        [point(i, float(v)) for i, v in enumerate(values, 1)]
        + [point(last + 1, float(values[-1]))],
        "parameters",
    )
    shown = visible_limits(found, found.runs)
    names = place_change_labels(found, found.changes, shown, "en")
    assert names
    width = 1.04 * (shown.last - shown.first)
    places = []
    for name in names:
        x, length = (name.x - shown.first) / width, LETTER * len(name.text)
        places.append(
            (name.row, x, x + length) if name.align == "left" else (name.row, x - length, x)
        )
    for i, (row, start, stop) in enumerate(places):
        assert stop <= 1
        for other_row, other_start, other_stop in places[:i]:
            assert row != other_row or stop <= other_start or other_stop <= start


def test_files_are_whole_and_the_same_each_time(tmp_path: Path) -> None:
    trends = [made(STEP), made([5.0], cpu="x" * 300)]
    for name in ("a.png", "b.png", "a.svg", "b.svg"):
        draw(trends, "v" * 200, None, tmp_path / name, "fr")
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    with Image.open(tmp_path / "a.png") as image:
        assert image.width > 1000
        image.load()
    assert b"<svg" in (tmp_path / "a.svg").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "a.svg", "b.png", "b.svg"]


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(ChartError, match=r"nowhere/a\.png"):
        draw([made([8.0])], VARIANT, None, tmp_path / "nowhere" / "a.png", "en")
    (tmp_path / "b.png").mkdir()
    with pytest.raises(ChartError, match=r"b\.png"):
        draw([made([8.0])], VARIANT, None, tmp_path / "b.png", "en")
    assert [path.name for path in tmp_path.iterdir()] == ["b.png"]


def test_ten_thousand_runs_make_a_small_svg(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    trend = made((8 * np.exp(random.normal(0, 0.02, 10_000))).tolist())
    draw([trend], VARIANT, None, tmp_path / "a.svg", "en")
    assert (tmp_path / "a.svg").stat().st_size < 500_000


def test_matplotlib_is_left_as_it_was_found(tmp_path: Path) -> None:
    program = """
import sys
from pathlib import Path
import matplotlib as mpl
mpl.rcParams["font.size"] = 23
from slimbench.trend.chart import draw
from tests.trend.made import made
draw([made([8.0])], "v", None, Path(sys.argv[1]), "en")
print(mpl.rcParams["font.size"], "matplotlib.pyplot" in sys.modules)
"""
    said = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "a.png")],
        cwd=Path(slimbench.__file__).parents[1],
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.split() == ["23.0", "False"]
