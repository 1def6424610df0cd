from __future__ import annotations

import json
import signal
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from hypothesis import given
from hypothesis import strategies as st

from slimbench.history import write
from slimbench.history.document import HistoryError, read
from slimbench.history.write import save, thin
from tests.example_history import document

CHECKOUT = Path(write.__file__).parents[2]


def small() -> dict[str, Any]:
    run = document()
    del run["benchmarks"][1:]
    return run


def everything(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - {".lock"}


def in_process(program: str, root: Path) -> subprocess.CompletedProcess[str]:
    """Run a program that has `save`, `run`, a document, and `root`."""
    (root / "run.txt").write_text(json.dumps(small()))
    setting = f"""
        import json, os, resource, signal
        from pathlib import Path
        from slimbench.history.write import save
        root = Path({str(root)!r})
        run = json.loads((root / "run.txt").read_text())
    """
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(setting) + textwrap.dedent(program)],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_name_has_number_commit_and_time_in_utc(tmp_path: Path) -> None:
    run = small()
    run["datetime"] = "2025-03-01T23:30:00-02:00"
    path = save(run, tmp_path, "Linux-CPython-3.11-64bit")
    assert path.parent == tmp_path / "Linux-CPython-3.11-64bit"
    assert path.name == "0001_f0c7a1d2b3e4_20250302_013000.json"
    assert read(path) == run
    assert path.read_bytes().endswith(b"}\n")
    run["commit_info"]["dirty"] = True
    assert save(run, tmp_path, "Linux-CPython-3.11-64bit").name == (
        "0002_f0c7a1d2b3e4_20250302_013000_dirty.json"
    )


def test_a_commit_id_cannot_lead_elsewhere(tmp_path: Path) -> None:
    run = small()
    run["commit_info"]["id"] = "../../x_y"
    assert save(run, tmp_path, "m").name == "0001_..-..-x-y_20250301_120005.json"


@pytest.mark.parametrize("machine", ["", "..", "a/b", ".hidden"])
def test_a_machine_id_cannot_lead_elsewhere(tmp_path: Path, machine: str) -> None:
    with pytest.raises(HistoryError, match="machine id"):
        save(small(), tmp_path, machine)
    assert not everything(tmp_path)


def test_numbers_go_on_from_the_highest_and_past_9999(tmp_path: Path) -> None:
    for name in ("0007_a.json", "9999_b.json", "12345_charts.png", "notes.json"):
        (tmp_path / "m").mkdir(exist_ok=True)
        (tmp_path / "m" / name).write_text("kept")
    assert save(small(), tmp_path, "m").name.startswith("10000_")
    assert save(small(), tmp_path, "m").name.startswith("10001_")
    assert (tmp_path / "m" / "0007_a.json").read_text() == "kept"


def test_threads_that_save_at_once_get_numbers_of_their_own(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        paths = list(pool.map(lambda _: save(small(), tmp_path, "m"), range(24)))
    assert sorted(int(path.name[:4]) for path in paths) == list(range(1, 25))
    assert everything(tmp_path / "m") == {path.name for path in paths}


def test_processes_that_save_at_once_get_numbers_of_their_own(tmp_path: Path) -> None:
    program = "for _ in range(6): save(run, root, 'm')"
    with ThreadPoolExecutor(2) as pool:
        ended = list(pool.map(lambda _: in_process(program, tmp_path), range(2)))
    assert [process.returncode for process in ended] == [0, 0], ended
    files = sorted((tmp_path / "m").glob("*.json"))
    assert [int(path.name[:4]) for path in files] == list(range(1, 13))
    for path in files:
        read(path)


def test_a_full_disk_leaves_earlier_files_and_nothing_else(tmp_path: Path) -> None:
    first = save(small(), tmp_path, "m")
    before = first.read_bytes()
    ended = in_process(
        """
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
        save(run, root, "m")
        """,
        tmp_path,
    )
    assert ended.returncode == 1
    assert f"HistoryError: The history was not saved: {tmp_path / 'm'}" in ended.stderr
    assert everything(tmp_path / "m") == {first.name}
    assert first.read_bytes() == before


def test_a_run_killed_while_saving_leaves_nothing_that_is_read(tmp_path: Path) -> None:
    ended = in_process(
        """
        os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)
        save(run, root, "m")
        """,
        tmp_path,
    )
    assert ended.returncode == -signal.SIGKILL
    assert everything(tmp_path / "m")
    assert not list((tmp_path / "m").glob("*.json"))
    path = save(small(), tmp_path, "m")
    assert path.name.startswith("0001_")
    assert everything(tmp_path / "m") == {path.name}


def test_an_unwritable_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "results").write_text("in the way")
    with pytest.raises(HistoryError, match="cannot be written to") as caught:
        save(small(), tmp_path / "results", "m")
    assert str(tmp_path / "results" / "m") in str(caught.value)


def test_a_lock_that_is_held_is_not_waited_for_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(write, "LOCK_SECONDS", 0.1)
    (tmp_path / "m").mkdir()
    with FileLock(tmp_path / "m" / ".lock"), pytest.raises(HistoryError, match="another run"):
        save(small(), tmp_path, "m")


def test_a_document_that_does_not_fit_is_not_written(tmp_path: Path) -> None:
    for change in ({"datetime": 3}, {"version": float("nan")}, {"version": object()}):
        with pytest.raises(HistoryError):
            save({**small(), **change}, tmp_path, "m")
    twice = small()
    twice["benchmarks"] *= 2
    with pytest.raises(HistoryError, match="twice"):
        save(twice, tmp_path, "m")
    assert not everything(tmp_path)


def test_pytest_benchmark_compares_what_was_saved(tmp_path: Path) -> None:
    for _ in range(2):
        save(document(), tmp_path, "Linux-CPython-3.11-64bit")
    compared = subprocess.run(
        [sys.executable, "-m", "pytest_benchmark", f"--storage=file://{tmp_path}", "compare"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert compared.returncode == 0, compared.stderr
    for number in ("0001", "0002"):
        assert f"mobilenetv2_f32-litert-1] ({number}" in compared.stdout


@given(
    st.lists(st.integers(), max_size=600),
    st.integers(min_value=2, max_value=250),
)
def test_thinning_keeps_order_ends_and_the_limit(samples: list[int], limit: int) -> None:
    numbered = list(enumerate(samples))
    kept = thin(numbered, limit)
    assert len(kept) == min(len(samples), limit)
    assert kept == sorted(set(kept))
    if samples:
        assert (kept[0], kept[-1]) == (numbered[0], numbered[-1])


@given(st.integers(min_value=201, max_value=5000))
def test_thinning_is_even(count: int) -> None:
    kept = thin(range(count))
    gaps = [after - before for before, after in pairwise(kept)]
    assert max(gaps) - min(gaps) <= 1


def test_thinning_to_one_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 2"):
        thin([1.0, 2.0], 1)


def test_what_is_saved_is_plain_json(tmp_path: Path) -> None:
    run = small()
    run["slimbench"]["missing"] = [{"variant": "a", "reason": "Modèle \ud800"}]
    text = save(run, tmp_path, "m").read_text(encoding="ascii")
    assert json.loads(text) == run
