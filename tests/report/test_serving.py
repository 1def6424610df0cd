# ruff: noqa: RUF001 (the multiplication sign is meant)
from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from slimbench.history.document import HistoryError, check
from slimbench.history.record import History, record
from slimbench.metrics.serving import summarise
from slimbench.report.serving import serving
from slimbench.report.serving_words import SERVING_WORDS
from slimbench.serving.figures import ServerFigures
from slimbench.spec import Unmeasured
from tests import example_history
from tests.serving.test_comparison import CALM, comparison


def history(**changed: object) -> History:
    made = example_history.document()
    reading = summarise(comparison(**changed))
    info = made["benchmarks"][0]["extra_info"]
    for key, value in reading.items():
        missing = isinstance(value, Unmeasured)
        info[key] = None if missing else value
        if isinstance(value, Unmeasured):
            info["reasons"][key] = value.reason
    made = json.loads(json.dumps(made))
    check(made, "example")
    return record(made, Path("example"))


def test_every_server_has_its_row() -> None:
    shown = serving(history(), "en")
    assert shown.count("\n| ") == 5
    for name in ("slimbench (as shipped)", "slimbench, batching", "tutorial with a lock"):
        assert f"| {name} " in shown
    assert "takes 640 MiB" in shown
    assert "90 × 503" in shown


def test_a_figure_that_is_not_there_has_its_reason() -> None:
    dead = ServerFigures()
    dead.leave_out_rest("it died")
    servers = {**comparison().servers, "tutorial": dead}
    shown = serving(history(servers=servers), "en")
    assert "[1] it died" in shown
    lost = replace(CALM, livez_p99_ms=None, recovery_s=None)
    assert "never while it was watched" in serving(history(overload=lost), "en")
    assert "10 × 200" not in serving(history(overload=None, overload_reason="no rate"), "en")


def test_french_is_whole() -> None:
    shown = serving(history(), "fr")
    assert "tutoriel avec verrou" in shown
    assert "10,0 %" in shown
    assert set(SERVING_WORDS["fr"].servers) == set(SERVING_WORDS["en"].servers)


def test_markdown_for_readme() -> None:
    shown = serving(history(), "en", "github")
    assert "|---" in shown
    assert "+--" not in shown


def test_a_run_without_servers_has_no_such_table() -> None:
    plain = record(example_history.document(), Path("example"))
    assert serving(plain, "en") == ""


def test_the_schema_holds_what_is_under_serving() -> None:
    made = example_history.document()
    made["benchmarks"][0]["extra_info"]["serving"] = {"shipped": "slimbench"}
    with pytest.raises(HistoryError, match="serving"):
        check(made, "example")
