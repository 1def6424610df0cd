"""The public interface: saved runs, typed, without anything heavy until it is used."""

from __future__ import annotations

from pathlib import Path

import pytest

import slimbench
from slimbench.history.write import save
from tests.example_history import document as example
from tests.fresh_process import printed


def test_the_public_names_are_these_and_exist() -> None:
    assert slimbench.__all__ == ["Entry", "History", "HistoryError", "load", "rows", "runs"]
    assert all(hasattr(slimbench, name) for name in slimbench.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        slimbench.nothing  # noqa: B018


def test_runs_are_typed_and_newest_first(tmp_path: Path) -> None:
    older, newer = save(example(), tmp_path, "m"), save(example(), tmp_path, "m")
    assert [run.path for run in slimbench.runs(tmp_path)] == [newer, older]
    assert all(isinstance(run, slimbench.History) for run in slimbench.runs(tmp_path))
    assert slimbench.runs(tmp_path, profile="another") == []
    assert slimbench.load(newer).path == newer


def test_a_row_is_flat_and_says_what_was_not_measured(tmp_path: Path) -> None:
    document = example()
    path = save(document, tmp_path, "m")
    rows = slimbench.rows(slimbench.runs(tmp_path))
    infos = [benchmark["extra_info"] for benchmark in document["benchmarks"]]
    assert [row["variant"] for row in rows] == [info["variant"] for info in infos]
    for row, info in zip(rows, infos, strict=True):
        assert row["file"] == str(path)
        assert row["size_bytes"] == info["size_bytes"]
        p50 = None if info["latency_ms"] is None else info["latency_ms"]["p50"]
        assert row["latency_ms.p50"] == p50


def test_a_damaged_run_is_named(tmp_path: Path) -> None:
    path = save(example(), tmp_path, "m")
    path.write_text("{")
    with pytest.raises(slimbench.HistoryError, match=path.name):
        slimbench.runs(tmp_path)


def test_importing_it_costs_next_to_nothing() -> None:
    heavy = ["numpy", "scipy", "matplotlib", "ai_edge_litert", "tensorflow", "pytest", "jsonschema"]
    program = f"import sys, slimbench; print(*(name for name in {heavy} if name in sys.modules))"
    assert printed(program).split() == []
