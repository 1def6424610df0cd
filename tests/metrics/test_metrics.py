from __future__ import annotations

import sys
from types import ModuleType
from typing import get_args

import pytest

from slimbench import metrics
from slimbench.spec import Group
from slimbench.suite.profiles import OF_EVERY_PROFILE


def package_of(tmp_path, monkeypatch, **sources: str) -> ModuleType:
    """A package with one module for each source."""
    folder = tmp_path / "handmade_metrics"
    folder.mkdir()
    (folder / "__init__.py").touch()
    for name, source in sources.items():
        (folder / f"{name}.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("handmade_metrics", *(f"handmade_metrics.{each}" for each in sources)):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return __import__("handmade_metrics")


def source_of(*keys: str) -> str:
    return f"class M:\n    keys = {keys!r}\n    group = 'size'\nMETRICS = (M(),)\n"


def test_what_this_folder_reads_is_found_without_a_list():
    assert {
        "accuracy_top1", "accuracy_n", "accuracy_ci95", "correct_bits", "eval_sha256",
        "accuracy_drop", "latency_ms", "speedup", "init_ms", "first_invoke_ms", "peak_rss_mb",
    } <= set(metrics.keys(OF_EVERY_PROFILE))  # fmt: skip


def test_each_benchmark_gets_its_own_metrics():
    latency = {key for metric in metrics.for_group("latency") for key in metric.keys}
    assert {"latency_ms", "speedup", "init_ms", "first_invoke_ms", "peak_rss_mb"} <= latency
    accuracy = {key for metric in metrics.for_group("accuracy") for key in metric.keys}
    assert {"accuracy_top1", "accuracy_drop"} <= accuracy
    assert not latency & accuracy
    split = [metrics.for_group(group) for group in get_args(Group)]
    assert sum(map(len, split)) == len(metrics.all_metrics())


def test_a_file_with_metrics_is_all_it_takes(tmp_path, monkeypatch):
    package = package_of(
        tmp_path, monkeypatch, one=source_of("a", "b"), two=source_of("c"), other="X = 1\n"
    )
    assert [metric.keys for metric in metrics.collect(package)] == [("a", "b"), ("c",)]


def test_two_metrics_with_one_key_are_refused_by_name(tmp_path, monkeypatch):
    package = package_of(tmp_path, monkeypatch, one=source_of("a", "b"), two=source_of("b"))
    with pytest.raises(ValueError, match=r"'b'.*handmade_metrics\.one.*handmade_metrics\.two"):
        metrics.collect(package)
