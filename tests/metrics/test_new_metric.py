"""A metric is one file: the one that CONTRIBUTING shows is read, limited, judged and shown."""

from __future__ import annotations

import json
import math
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from slimbench.budgets import kinds
from slimbench.history.schemas import HISTORY, schema
from slimbench.history.write import save
from slimbench.metrics import figures, with_columns
from slimbench.paths import CODE, VARIABLE
from tests.example_history import REFERENCE, document
from tests.metrics.subjects import HandmadeSubject
from tests.tiny_models import SHAPE, linear_model

PROGRAM = """
import contextlib, io, json, sys
from slimbench import engines, metrics
from slimbench.budgets import judge, make_budgets
from slimbench.cli import main
from slimbench.spec import Case

shown = {"keys": metrics.keys(("size",)), "engines": dict(engines.distributions())}
(budget,) = make_budgets(Case("mine", "litert", 1), {"tensors_max": 100})
shown["budget"] = judge(budget, {"tensors": 101}).sentence
for name, arguments in json.loads(sys.argv[1]).items():
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        status = main(arguments)
    shown[name] = [status, out.getvalue()]
print(json.dumps(shown))
"""

PLAIN = """
from slimbench.engines.litert import LiteRT


class Plain(LiteRT):
    name = "plain"


ENGINE = Plain()
"""


def example() -> str:
    """Return the file that the guide shows."""
    guide = (CODE / "CONTRIBUTING.md").read_text(encoding="utf-8")
    section = guide[guide.index("### A metric") :]
    (source,) = re.findall(r"```python\n(.*?)```", section[: section.index("\n### ")], re.DOTALL)
    return str(source)


def with_tensors(folder: Path, tensors: int) -> Path:
    """Save a run in which the reference has so many tensors, all others 50."""
    run = document()
    for benchmark in run["benchmarks"]:
        info = benchmark["extra_info"]
        info["tensors"] = tensors if info["variant"] == REFERENCE else 50
    return save(run, folder, "machine")


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the library says in a suite that has the file."""
    project = tmp_path_factory.mktemp("project")
    bench = project / "bench"
    for name, text in {
        "profiles.toml": "",
        "wide.toml": '[digits."*"]\ntensors_growth_max = 0.5\n',
        "metrics/tensors.py": example(),
        "engines/plain.py": PLAIN,
    }.items():
        (bench / name).parent.mkdir(parents=True, exist_ok=True)
        (bench / name).write_text(text)
    old, new = (str(with_tensors(project / "results", count)) for count in (40, 60))
    gate = ["gate", old, new, "--format=json"]
    commands = {
        "compare": ["compare", old, new, "--metric=tensors", "--format=csv"],
        "report": ["report", new, "--metric=tensors", "--lang=fr", "--format=markdown"],
        "history": ["history", REFERENCE, "tensors", "--format=json"],
        "best": ["best", new, "--limit=tensors_max=50", "--format=json"],
        "fewest": ["best", old, "--by=tensors", "--format=json"],
        "gate": gate,
        "wide": [*gate, f"--limits={bench / 'wide.toml'}"],
    }
    environment = {**os.environ, "PYTHONPATH": str(CODE), "SLIMBENCH_STORE": str(project / "store")}
    environment.pop(VARIABLE, None)
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps(commands)],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    answers: dict[str, Any] = json.loads(ended.stdout)
    return answers


def test_a_run_reads_it_and_a_budget_limits_it(shown: dict[str, Any], tmp_path: Path) -> None:
    names: dict[str, Any] = {}
    exec(example(), names)  # noqa: S102 - the guide's own text
    (metric,) = names["METRICS"]
    model = linear_model(tmp_path / "model.tflite", np.ones((3, math.prod(SHAPE)), np.float32))
    assert metric.read(HandmadeSubject(model=model))["tensors"] > 1
    assert "tensors" in shown["keys"]
    assert shown["budget"] == "mine: tensors is 101, over its limit tensors_max = 100 by 1 (1 %)."


def test_runs_are_compared_by_it(shown: dict[str, Any]) -> None:
    status, csv = shown["compare"]
    line = next(row for row in csv.splitlines() if f"{REFERENCE},litert,1,B" in row)
    assert status == 0
    assert line.startswith("tensors,count,")
    assert ",60,,0.5,,differs," in line


def test_a_report_has_a_column_for_it_in_either_language(shown: dict[str, Any]) -> None:
    status, text = shown["report"]
    assert status == 0
    headings, _, first, *_ = (line.split("|") for line in text.splitlines() if line[:1] == "|")
    assert (headings[-2].strip(), first[-2].strip()) == ("Tenseurs", "60")


def test_its_trend_is_exact(shown: dict[str, Any]) -> None:
    status, text = shown["history"]
    trend = json.loads(text)
    assert (status, trend["unit"], trend["exact"]) == (0, "count", True)


def test_the_best_variant_is_chosen_by_it_and_within_its_limit(shown: dict[str, Any]) -> None:
    status, text = shown["best"]
    choice = json.loads(text)
    assert (status, choice["limits"]) == (0, {"tensors_max": 50})
    assert REFERENCE not in choice["best"]["variant"]
    status, text = shown["fewest"]
    assert (status, json.loads(text)["best"]["variant"]) == (0, REFERENCE)
    assert json.loads(text)["best"]["tensors"] == 40


def test_the_gate_judges_it_and_has_a_limit_for_it(shown: dict[str, Any]) -> None:
    verdicts = {
        name: [
            (row["variant"], row["change"], row["verdict"], row["reason"])
            for row in json.loads(shown[name][1])["cases"]
            if row["metric"] == "tensors" and row["verdict"] != "pass"
        ]
        for name in ("gate", "wide")
    }
    said = (REFERENCE, 0.5, "regression", "+50 %, the tolerance is 0 %")
    assert verdicts == {"gate": [said], "wide": []}


def test_an_engine_of_the_suite_is_known_to_the_gate(shown: dict[str, Any]) -> None:
    assert shown["engines"]["plain"] == shown["engines"]["litert"] == "ai-edge-litert"


BOUNDS = {
    "bytes": {"positive_count"},
    "count": {"count", "positive_count"},
    "ms": {"amount", "time_ms"},
    "MiB": {"amount"},
    "ratio": {"ratio"},
    "share": {"share"},
}


def test_the_schema_bounds_each_figure_by_its_unit() -> None:
    definitions = schema(HISTORY)["$defs"]
    described = {
        **definitions["extra_info"]["properties"],
        **{f"latency_ms.{key}": one for key, one in definitions["latency"]["properties"].items()},
    }
    for key, figure in figures().items():
        if key in described and key != "accuracy_drop":  # a difference of shares, from -1 to 1
            kinds = {
                one["$ref"].rpartition("/")[2]
                for one in described[key].get("anyOf", [described[key]])
                if "$ref" in one
            }
            assert kinds <= BOUNDS[figure.unit], key
            assert kinds, key


def test_the_table_of_budgets_has_each() -> None:
    table = (CODE / "docs" / "models.md").read_text(encoding="utf-8")
    assert set(kinds()) <= set(re.findall(r"`(\w+_(?:min|max))`", table))


def test_each_figure_has_a_label_and_each_budget_a_unit_that_its_name_ends_in() -> None:
    assert all(figure.label for figure in figures().values())
    names = [form.name for figure in figures().values() for form in figure.budget_forms]
    assert len(names) == len(set(names))
    assert [figure.column for figure in with_columns()] == ["latency", "size", "gzip", "accuracy"]
