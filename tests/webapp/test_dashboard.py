from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from flask import Flask

from slimbench.history.record import History, load
from slimbench.report.table import table
from slimbench.webapp import page, problems
from slimbench.webapp.dashboard import Dashboard, front, pareto_chart, pareto_table, run_table
from slimbench.webapp.languages import phrases
from slimbench.webapp.settings import Settings
from slimbench.webapp.spec import ServedModel
from slimbench.webapp.trend import TrendReader
from tests import example_history
from tests.webapp.served import Reason, changed, digits_model
from tests.webapp.test_page import Page

MODEL = digits_model()


@pytest.fixture
def history() -> History:
    return load(MODEL.history)


@pytest.fixture(autouse=True)
def _own_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLIMBENCH_STORE", str(tmp_path / "store"))


def test_the_table_is_the_reports_with_the_served_row_marked(history: History) -> None:
    for lang in ("en", "fr"):
        shown, printed = run_table(history, MODEL, lang), table(history, lang)
        assert len(shown["rows"]) == len(history.entries)
        for row in shown["rows"]:
            assert all(cell in printed for cell in row["cells"])
        served = [row["cells"][0] for row in shown["rows"] if row["is_served"]]
        assert served == [MODEL.entry["variant"]]


def test_every_point_of_the_chart_is_a_row_of_its_table(history: History) -> None:
    say = phrases("en")
    rows = pareto_table(history.entries, MODEL, say)["rows"]
    points = pareto_chart(history.entries, MODEL, say)["points"]
    assert [(point["number"], point["name"]) for point in points] == [
        (row["number"], row["name"]) for row in rows
    ]
    for point, row in zip(points, rows, strict=True):
        assert point["text"] == f"{row['size']}, {row['time']}, {row['accuracy']}"
    assert [point["name"] for point in points if point["kind"] == "served"] == [
        MODEL.entry["variant"]
    ]


def test_what_was_not_measured_has_no_point_and_is_on_no_front() -> None:
    run = example_history.document()
    example_history.unmeasure(run, "student_distilled_f32", "accuracy_top1", "why")
    for key in ("size_bytes", "size_gzip_bytes", "size_ratio"):
        example_history.unmeasure(run, "mobilenetv2_f32", key, "why")
    entries = example_history.history(run).entries
    judged = dict(zip((entry.case.variant for entry in entries), front(entries), strict=True))
    assert judged["student_distilled_f32"] is None
    assert judged["mobilenetv2_f32"] is None
    assert judged["resnet50_f32"] is False
    assert judged["student_distilled_static_wi8_ai8"] is True
    say = phrases("en")
    names = {point["name"] for point in pareto_chart(entries, MODEL, say)["points"]}
    assert "mobilenetv2_f32" not in names
    assert "student_distilled_f32" in names
    rows = {row["name"]: row for row in pareto_table(entries, MODEL, say)["rows"]}
    assert rows["mobilenetv2_f32"]["size"] == "not measured"
    assert rows["student_distilled_f32"]["place"] == "not all is measured"


def _saved(results: Path, number: int, milliseconds: float) -> None:
    """Save a run of this machine's with another time of the served model."""
    run = json.loads(MODEL.history.read_text(encoding="utf-8"))
    latency = example_history.info(run, MODEL.entry["variant"])["latency_ms"]
    latency.update(dict.fromkeys(("min", "p50", "p90", "p99", "mean"), milliseconds))
    folder = results / "some-machine"
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{number:04d}_0123456789ab_20270101_00{number:02d}00.json"
    (folder / name).write_text(json.dumps(run), encoding="utf-8")


def _settled(model: ServedModel, results: Path) -> Dashboard:
    dashboard = Dashboard(model, results)
    dashboard.shown(phrases("en"))
    return dashboard


def test_the_trend_has_the_run_that_the_model_comes_from(tmp_path: Path) -> None:
    folder = tmp_path / "results" / "published" / "digits"
    folder.mkdir(parents=True)
    shutil.copy(MODEL.history, folder)
    _saved(tmp_path / "results" / "published", 2, 0.5)
    found = TrendReader(MODEL, tmp_path / "results").now()
    assert found is not None
    assert found.trend is not None
    assert MODEL.history.name in {run.point.file for run in found.trend.runs}


def test_the_trend_of_a_run_of_this_machine_has_its_neighbours(tmp_path: Path) -> None:
    results = tmp_path / "results"
    for number in (1, 2, 3):
        _saved(results, number, 0.02 * number)
    own = next(path for path in (results / "some-machine").iterdir() if path.name[:4] == "0002")
    model = changed(MODEL)
    model = type(model)(
        **{name: getattr(model, name) for name in model.__slots__} | {"history": own}
    )
    shown = _settled(model, results).shown(phrases("en"))
    rows = [(row["cells"][0], row["cells"][3], row["is_served"]) for row in shown["trend"]["rows"]]
    assert rows == [("3", "0.0600 ms", False), ("2", "0.0400 ms", True), ("1", "0.0200 ms", False)]
    assert shown["data"]["trend"]["values"] == pytest.approx([0.02, 0.04, 0.06])


def test_a_trend_that_takes_long_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("slimbench.webapp.trend.PATIENCE", 0.0)
    shown = Dashboard(MODEL, tmp_path).shown(phrases("en"))
    assert shown["trend"] is None
    assert shown["no_trend"].startswith("The saved runs are still being read.")


def test_a_model_whose_history_has_no_time_has_no_trend(tmp_path: Path) -> None:
    model = changed(MODEL, variant="never_measured", latency_ms=Reason("why"))
    shown = _settled(model, tmp_path).shown(phrases("fr"))
    assert shown["trend"] is None
    assert shown["no_trend"].startswith("Aucune exécution")


@pytest.mark.parametrize("lang", ["en", "fr"])
def test_the_page_has_a_table_beside_each_chart(tmp_path: Path, lang: str) -> None:
    app = Flask("webapp")
    problems.register(app)
    made = page.blueprint(Settings(results=tmp_path), _Only(MODEL))  # type: ignore[arg-type]
    app.register_blueprint(made)
    response = app.test_client().get(f"/dashboard?lang={lang}")
    assert response.status_code == 200
    read = Page(response.text)
    assert [found["data-chart"] for _, found in read.tags if "data-chart" in found] == [
        "pareto",
        "trend",
    ]
    assert [tag for tag, _ in read.tags].count("table") == 3
    data = json.loads(read.text["page-data"])
    assert len(data["pareto"]["points"]) == 14
    assert MODEL.history.name not in response.text
    assert str(MODEL.history.parent) not in response.text


class _Only:
    def __init__(self, stable: ServedModel) -> None:
        self.stable = stable
