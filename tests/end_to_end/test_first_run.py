"""What a user has after the first run of the profile `quick`, from nothing, in another folder."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import pytest
from PIL import Image

from slimbench.history import record
from slimbench.paths import CODE
from tests.end_to_end.conftest import FLOAT, QUICK, FirstRun

CONTRACT = {
    *("variant", "reference", "profile", "dataset", "engine", "threads", "input_shape"),
    *("model_sha256", "model_file", "size_bytes", "size_gzip_bytes"),
    *("parameters", "sparsity", "sparsity_prunable"),
    *("accuracy_top1", "accuracy_n", "accuracy_ci95", "correct_bits", "eval_sha256"),
    *("latency_ms", "init_ms", "first_invoke_ms", "peak_rss_mb"),
    *("speedup", "size_ratio", "accuracy_drop", "reasons"),
}

CHATTER = re.compile(
    r"tensorflow[^ ]*\.(cc|py)|XNNPACK|cuda|oneDNN|absl|MLIR|saved_model|Keras"
    r"|^[IWE]0000 |^INFO|Traceback|DeprecationWarning|UserWarning",
    re.IGNORECASE | re.MULTILINE,
)


def test_its_history_is_valid_and_complete(first: FirstRun) -> None:
    schema = json.loads((CODE / "results" / "schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema).validate(first.document)
    history = record.load(first.path)
    assert history.status == "complete"
    assert history.missing == ()
    assert [entry.case.variant for entry in history.entries] == list(QUICK)
    assert {entry.case.engine for entry in history.entries} == {"litert"}


def test_every_key_of_the_contract_is_there(first: FirstRun) -> None:
    for info in first.cases.values():
        assert set(info) >= CONTRACT
        absent = {key for key in CONTRACT if info[key] is None}
        assert absent == {"sparsity_prunable"}
        said = {key: why for key, why in info["reasons"].items() if key in CONTRACT}
        assert said == {"sparsity_prunable": "no layer of it was pruned"}
    own = first.document["slimbench"]
    assert set(own) >= {
        *("schema", "status", "profile", "seed", "versions", "preflight"),
        *("seconds", "budgets", "missing"),
    }
    assert set(own["preflight"]) >= {"load_1m", "steal_percent", "governor", "cpu_flags"}


def test_its_seconds_are_booked_by_kind_and_add_up(first: FirstRun) -> None:
    seconds = first.document["slimbench"]["seconds"]
    assert set(seconds) == {"import", "train", "convert", "measure", "score", "other"}
    assert all(seconds[kind] > 0 for kind in seconds)
    said = re.search(r"12 passed in ([0-9.]+)s", first.done.out)
    assert said
    # pytest's clock starts a little later and runs on while charts are drawn.
    assert sum(seconds.values()) <= float(said[1]) + 5


def test_every_budget_of_the_profile_is_judged_and_kept(first: FirstRun) -> None:
    budgets = first.document["slimbench"]["budgets"]
    assert {row["verdict"] for row in budgets} == {"pass"}
    assert {row["budget"] for row in budgets} == {
        *("accuracy_top1_min", "parameters_max", "size_ratio_max"),
    }
    assert {row["variant"] for row in budgets} == set(QUICK)


def test_it_says_where_everything_is(first: FirstRun) -> None:
    lines = first.done.out.splitlines()
    assert f"History: {first.path}" in lines
    shown = [Path(line.split()[1]) for line in lines if line.startswith("Chart:")]
    stem = first.path.with_suffix("")
    wanted = {Path(f"{stem}_{chart}") for chart in ("times", "sizes", "pareto")}
    assert {path.with_suffix("") for path in shown} == wanted
    assert {path.suffix for path in shown} == {".png", ".svg"}
    assert len(shown) == 6
    for heading in ("Model", "Inference time", "Size", "gzip", "Accuracy", "Size reduction"):
        assert re.search(rf"\| +{heading} +\|", first.done.out)
    for variant in QUICK:
        assert re.search(rf"^\| {variant} +\|", first.done.out, re.MULTILINE)


def test_its_charts_can_be_opened(first: FirstRun) -> None:
    pictures = sorted(first.path.parent.glob("*.png"))
    drawings = sorted(first.path.parent.glob("*.svg"))
    assert len(pictures) == len(drawings) == 3
    for path in pictures:
        with Image.open(path) as image:
            image.load()
            assert image.format == "PNG"
            assert min(image.size) > 200
            assert len(set(image.convert("L").tobytes())) > 10
    for path in drawings:
        root = ElementTree.parse(path).getroot()  # noqa: S314 - it was written by the run
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert len(list(root.iter())) > 50


def test_no_chatter_reaches_the_terminal(first: FirstRun) -> None:
    assert first.done.err == ""
    assert not CHATTER.search(first.done.out), first.done.out
    logs = "".join(path.read_text(errors="replace") for path in first.suite.store.glob("logs/*"))
    assert CHATTER.search(logs)  # so there was something to keep away


def test_tensorflow_is_imported_only_where_models_are_built(first: FirstRun) -> None:
    importers = set(first.done.importers())
    assert importers == {"-m slimbench.build.worker"}


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from /proc")
def test_the_process_that_measures_stays_small(first: FirstRun) -> None:
    assert first.done.measuring_peak_kib() < 2 * 2**20


def test_it_ends_without_a_process_left_behind(first: FirstRun) -> None:
    assert first.suite.is_quiet()


def test_nothing_of_it_is_left_in_the_folder_it_was_started_from(first: FirstRun) -> None:
    left = {path.name for path in first.suite.home.iterdir() if not path.name.startswith("run-")}
    assert left <= {".benchmarks"}  # pytest-benchmark makes it, empty, wherever it is configured


def test_it_names_the_commit_of_the_checkout_wherever_it_was_started(first: FirstRun) -> None:
    head = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=CODE, capture_output=True, text=True, check=False
    )
    if head.returncode != 0:
        pytest.skip("the checkout is not under git")
    assert first.document["commit_info"]["id"] == head.stdout.strip()


def test_pytest_benchmark_can_read_it(first: FirstRun) -> None:
    program = Path(sys.executable).with_name("pytest-benchmark")
    compared = subprocess.run(
        [program, "compare", str(first.path)],
        cwd=first.suite.home,
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"{FLOAT}-litert-1" in compared.stdout
