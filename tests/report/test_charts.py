from __future__ import annotations

import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure
from matplotlib.text import Annotation
from PIL import Image

import slimbench
from slimbench.report import bars, scatter
from slimbench.report.chart_style import ChartError, log_ticks
from slimbench.report.charts import draw
from slimbench.report.scatter import Area, Floats, place_labels
from tests.example_history import MODELS, document, history, unmeasure
from tests.examples import examples

NAMES = ["times.png", "times.svg", "sizes.png", "sizes.svg", "pareto.png", "pareto.svg"]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ...]:
    folder = tmp_path_factory.mktemp("charts")
    return draw(history(), folder / "0007_f0c7_20250301_120005.json", "en")


def texts(figure: Figure) -> str:
    found = figure.findobj(mpl.text.Text)
    return "\n".join(text.get_text() for text in found if isinstance(text, mpl.text.Text))


def test_six_files_lie_beside_the_history_and_nothing_else(drawn: tuple[Path, ...]) -> None:
    stem = "0007_f0c7_20250301_120005"
    assert [path.name for path in drawn] == [f"{stem}_{name}" for name in NAMES]
    assert set(drawn[0].parent.iterdir()) == set(drawn)


def test_the_pictures_are_pictures(drawn: tuple[Path, ...]) -> None:
    for path in drawn:
        if path.suffix == ".svg":
            assert ET.parse(path).getroot().tag.endswith("svg")  # noqa: S314 (our own file)
            continue
        with Image.open(path) as image:
            assert min(image.size) > 600
            assert len(image.convert("RGB").getcolors(2**24) or []) > 50


def test_the_same_history_gives_the_same_bytes(drawn: tuple[Path, ...], tmp_path: Path) -> None:
    again = draw(history(), tmp_path / "again", "en")
    assert [path.name for path in again] == [f"again_{name}" for name in NAMES]
    for one, other in zip(drawn, again, strict=True):
        assert one.read_bytes() == other.read_bytes(), one.name


def test_what_was_not_measured_has_no_chart(tmp_path: Path) -> None:
    run = document()
    for variant in MODELS:
        for key in ("size_bytes", "size_gzip_bytes", "size_ratio"):
            unmeasure(run, variant, key, "not asked for")
    del run["benchmarks"][3:]
    paths = draw(history(run), tmp_path / "run.json", "fr")
    assert [path.name for path in paths] == ["run_times.png", "run_times.svg"]


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(ChartError, match=str(tmp_path / "none" / "run_times.png")):
        draw(history(), tmp_path / "none" / "run.json", "en")


def test_bars_carry_their_figures_and_the_reference_its_name() -> None:
    figure = bars.times(history(), "fr")
    assert figure is not None
    said = texts(figure)
    for expected in ("resnet50_f32 (Référence)", "8,56 ms", "117\N{MULTIPLICATION SIGN} plus"):
        assert expected in said
    assert "Temps d'une inférence isolée (ms)" in said
    axes = figure.axes[0]
    assert axes.get_xlim()[0] == 0
    widths = [bar.get_width() for bar in axes.patches if bar.get_width() < 9]  # type: ignore[attr-defined]
    medians = [entry.latency_ms.p50 for entry in history().entries if entry.latency_ms]
    assert set(medians) <= set(widths)


def test_sizes_are_drawn_once_for_each_file() -> None:
    figure = bars.sizes(history(document(threads=(1, 2))), "en")
    assert figure is not None
    said = texts(figure)
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert [name.split()[0] for name in names] == list(MODELS)
    for expected in ("89.9 MiB", "83.4 MiB", "gzip", "2.00\N{MULTIPLICATION SIGN} smaller"):
        assert expected in said
    run = document(engines=("litert", "keras"))
    for benchmark in run["benchmarks"]:
        if benchmark["extra_info"]["engine"] == "keras":
            benchmark["extra_info"]["model_sha256"] = "0" * 64
    figure = bars.sizes(history(run), "en")
    assert figure is not None
    assert "mobilenetv2_f32 (keras)" in texts(figure)


def test_a_missing_bar_is_said_to_be_missing() -> None:
    run = document()
    unmeasure(run, "mobilenetv2_f32", "latency_ms", "refused")
    figure = bars.times(history(run), "en")
    assert figure is not None
    assert texts(figure).count("not measured") == 1


def test_every_model_is_named_in_the_pareto_chart_and_no_name_covers_another() -> None:
    figure = scatter.pareto(history(), "en")
    assert figure is not None
    names = [
        text
        for text in figure.findobj(Annotation)
        if isinstance(text, Annotation) and "%" in text.get_text()
    ]
    assert [text.get_text().split()[0] for text in names] == list(MODELS)
    boxes = [text.get_window_extent() for text in names]
    frame = figure.axes[0].bbox
    for i, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[:i]), names[i].get_text()
        assert frame.x0 <= box.x0 <= box.x1 <= frame.x1
        assert frame.y0 <= box.y0 <= box.y1 <= frame.y1
    best = {text.get_text().split()[0] for text in names if text.get_fontweight() == "bold"}
    assert best == {"student_distilled_f32", "student_distilled_static_wi8_ai8"}


def test_of_many_models_only_the_best_and_the_reference_are_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    everything = scatter.pareto(history(), "en")
    monkeypatch.setattr(scatter, "MOST_NAMES", len(MODELS) - 1)
    fewer = scatter.pareto(history(), "en")
    assert everything is not None
    assert fewer is not None
    shown = [name for name in MODELS if f"{name} " in texts(fewer)]
    bold = [
        text.get_text()
        for text in everything.findobj(Annotation)
        if isinstance(text, Annotation) and text.get_fontweight() == "bold"
    ]
    best = [name for name in MODELS if any(text.startswith(f"{name} ") for text in bold)]
    reference = [name for name in MODELS if f"{name} (Reference)" in texts(everything)]
    assert {*shown} == {*best, *reference} < {*MODELS}


def test_the_pareto_chart_says_what_it_leaves_out() -> None:
    run = document()
    unmeasure(run, "mobilenetv2_f32", "latency_ms", "refused")
    unmeasure(run, "student_distilled_static_wi8_ai8", "accuracy_top1", "refused")
    figure = scatter.pareto(history(run), "en")
    assert figure is not None
    said = texts(figure)
    assert "was not measured: mobilenetv2_f32-litert-1" in said
    assert "accuracy not measured" in said
    bold = [
        text.get_text().split()[0]
        for text in figure.findobj(Annotation)
        if isinstance(text, Annotation) and text.get_fontweight() == "bold"
    ]
    assert bold == ["student_scratch_f32", "student_distilled_f32"]


def test_each_engine_and_number_of_threads_has_its_panel() -> None:
    figure = scatter.pareto(history(document(threads=(1, 2))), "fr")
    assert figure is not None
    assert "temps et précision : litert avec 2 threads" in texts(figure)


@given(st.floats(min_value=1e-9, max_value=1e9), st.floats(min_value=2.6, max_value=1e6))
def test_there_are_round_ticks_on_every_axis(low: float, ratio: float) -> None:
    ticks = log_ticks(low, low * ratio)
    assert ticks == sorted(ticks)
    assert 1 <= len(ticks) <= 11
    for tick in ticks:
        assert low <= tick <= low * ratio
        assert f"{tick:.12e}"[0] in "125"


@given(st.floats(min_value=0.4, max_value=1e12), st.floats(min_value=4.8, max_value=1e6))
def test_there_are_round_ticks_of_bytes(low: float, ratio: float) -> None:
    ticks = log_ticks(low, low * ratio, 1024)
    assert ticks == sorted(ticks)
    assert 1 <= len(ticks) <= 12


def test_nothing_is_said_on_the_terminal_the_first_time(tmp_path: Path) -> None:
    program = (
        "from pathlib import Path\n"
        "from slimbench.report.charts import draw\n"
        "from slimbench.history.record import load\n"
        f"draw(load(Path({str(tmp_path / 'run.json')!r})), Path({str(tmp_path / 'run')!r}), 'en')\n"
    )
    run = document()
    del run["benchmarks"][2:]
    (tmp_path / "run.json").write_text(json.dumps(run))
    (tmp_path / "file").write_text("in the way")
    # A folder that cannot be used: the font cache is made anew, and matplotlib wants to say so.
    environment = os.environ | {"MPLCONFIGDIR": str(tmp_path / "file" / "none"), "DISPLAY": ""}
    ended = subprocess.run(
        [sys.executable, "-c", program],
        cwd=Path(slimbench.__file__).parents[1],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert (ended.stdout, ended.stderr) == ("", "")
    assert (tmp_path / "run_pareto.png").exists()


AREA = Area(0, 0, 700, 450)


def overlaps(corners: Floats, sizes: Floats) -> list[tuple[int, int]]:
    return [
        (i, j)
        for i in range(len(corners))
        for j in range(i)
        if (
            np.minimum(corners[i] + sizes[i], corners[j] + sizes[j])
            > np.maximum(corners[i], corners[j])
        ).all()
    ]


def test_names_of_points_on_top_of_each_other_are_apart() -> None:
    spots = [(60, 40), (90, 90), (300, 150), (350, 220), (640, 400), (600, 405), (560, 300)]
    points = np.array([spot for spot in spots for _ in range(2)], dtype=float)
    sizes = np.tile([160.0, 11.0], (len(points), 1))
    corners = place_labels(points, sizes, AREA)
    assert overlaps(corners, sizes) == []
    assert (corners >= 0).all()
    assert (corners + sizes <= [AREA.right, AREA.top]).all()


@settings(max_examples=examples(15), deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(min_value=0, max_value=700), st.floats(min_value=0, max_value=450)),
        min_size=1,
        max_size=14,
    )
)
def test_names_stay_in_the_area_wherever_the_points_are(spots: list[tuple[float, float]]) -> None:
    points = np.array(spots)
    sizes = np.tile([120.0, 11.0], (len(points), 1))
    corners = place_labels(points, sizes, AREA)
    assert corners.shape == points.shape
    assert (corners >= -1e-9).all()
    assert (corners + sizes <= np.array([AREA.right, AREA.top]) + 1e-9).all()
    np.testing.assert_array_equal(corners, place_labels(points, sizes, AREA))


def test_a_lone_name_stands_beside_its_point_and_not_on_it() -> None:
    corners = place_labels(np.array([[300.0, 200.0]]), np.array([[100.0, 10.0]]), AREA)
    nearest = np.clip([300, 200], corners[0], corners[0] + [100, 10])
    assert 5 < np.hypot(*(nearest - [300, 200])) < 15
