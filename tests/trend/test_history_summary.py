from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from slimbench.history.document import HistoryError
from slimbench.history.record import load
from slimbench.trend import history_summary as module
from slimbench.trend.history_summary import HistorySummary, read_summary
from tests.trend.saved import PUBLISHED, document, info_of, put


def agrees(read: HistorySummary, path: Path) -> None:
    """Compare a summary with the history that the same file holds."""
    history = load(path)
    assert (read.status, read.profile, read.commit, read.dirty, dict(read.versions)) == (
        history.status,
        history.profile,
        history.commit,
        history.dirty,
        dict(history.versions),
    )
    assert [each.case for each in read.cases] == [entry.case for entry in history.entries]
    for each, entry in zip(read.cases, history.entries, strict=True):
        assert each.reference == entry.reference
        assert dict(each.options) == dict(entry.runtime_options)
        assert each.images == entry.eval_sha256
        assert dict(each.reasons) == dict(entry.reasons)
        for key in ("size_bytes", "accuracy_top1", "sparsity_prunable", "speedup", "init_ms"):
            assert each.values.get(key) == getattr(entry, key)
        for key in ("p50", "p99", "n"):
            latency = entry.latency_ms
            value = None if latency is None else getattr(latency, key)
            assert each.values.get(f"latency_ms.{key}") == value


@pytest.mark.parametrize("path", PUBLISHED, ids=lambda path: path.name[:4])
def test_a_summary_has_the_figures_of_the_whole_history(path: Path) -> None:
    read = read_summary(path)
    agrees(read, path)
    assert len(read.cases) == 14


def test_metrics_that_were_added_since_are_there_with_dotted_keys(tmp_path: Path) -> None:
    run = document()
    info_of(run)["energy_mj"] = {"p50": 1.5, "note": "text", "p99": None}
    read = read_summary(put(tmp_path, 1, run))
    assert read.cases[0].values["energy_mj.p50"] == 1.5
    assert "energy_mj.note" not in read.cases[0].values
    assert "threads" not in read.cases[0].values
    agrees(read, put(tmp_path, 1, run))


def test_few_samples_have_no_p99(tmp_path: Path) -> None:
    run = document()
    info_of(run)["latency_ms"].update(p99=None, n=99)
    info_of(run)["reasons"]["latency_ms.p99"] = "fewer than 100"
    path = put(tmp_path, 1, run)
    read = read_summary(path)
    agrees(read, path)
    assert "latency_ms.p99" not in read.cases[0].values


def text(change: Any) -> str:
    run = document()
    change(run)
    return json.dumps(run, indent=1)


WHOLE = json.dumps(document(), indent=1)

BAD = {
    "truncated": WHOLE[:-40],
    "not what the schema says": text(lambda run: info_of(run).pop("size_bytes")),
    "percentiles upside down": text(lambda run: info_of(run)["latency_ms"].update(p50=1e6)),
}


@pytest.mark.parametrize("content", BAD.values(), ids=BAD)
def test_what_is_no_history_is_refused_as_everywhere(content: str, tmp_path: Path) -> None:
    path = tmp_path / "0001_abc_20250101_120000.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(HistoryError) as usual:
        load(path)
    with pytest.raises(HistoryError) as refused:
        read_summary(path)
    assert str(refused.value) == str(usual.value)


def test_binary_folders_and_nothing_are_refused(tmp_path: Path) -> None:
    binary = tmp_path / "binary"
    binary.write_bytes(bytes(range(256)) * 10)
    for path in (binary, tmp_path, tmp_path / "nothing"):
        with pytest.raises(HistoryError, match=path.name):
            read_summary(path)


def test_a_file_too_large_for_the_memory_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = put(tmp_path, 1, document())
    monkeypatch.setattr(module, "MOST_BYTES", path.stat().st_size - 1)
    monkeypatch.setattr(module, "read", lambda _: pytest.fail("it was read"))
    with pytest.raises(HistoryError, match="larger than"):
        read_summary(path)


def test_recorded_text_is_one_printable_line(tmp_path: Path) -> None:
    run = document()
    run["machine_info"]["cpu"]["brand_raw"] = "Some\nCPU\x1b[31m \ud800"
    run["commit_info"]["id"] = "abc\x07def0000000"
    path = tmp_path / "0001_abc_20250101_120000.json"
    path.write_text(json.dumps(run), encoding="ascii")
    read = read_summary(path)
    assert read.cpu == "Some CPU?[31m ? (2 CPUs)"
    assert read.commit == "abc?def0000000"
