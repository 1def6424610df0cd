from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import slimbench
from slimbench.history.document import HistoryError
from slimbench.trend import index
from slimbench.trend.history_summary import HistorySummary, read_summary
from slimbench.trend.index import index_path, refresh, using
from slimbench.trend.trends import Query, series, skipped
from tests.trend.saved import MACHINE, VARIANT, document, put, put_all

QUERY = Query(VARIANT, "latency_ms.p50")


def quiet(done: float, total: float, note: str = "") -> None:
    """Take no notice of progress."""


class Reader:
    """Counts which histories are read."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.read: list[str] = []
        monkeypatch.setattr(index, "read_summary", self)

    def __call__(self, path: Path) -> HistorySummary:
        self.read.append(path.name[:4])
        return read_summary(path)


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> Reader:
    return Reader(monkeypatch)


@pytest.fixture
def results(tmp_path: Path) -> Path:
    return tmp_path / "results"


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def medians(results: Path, cache: Path, notes: list[str] | None = None) -> list[float | None]:
    """Return what the index has after it was brought up to date."""

    def work(connection: sqlite3.Connection) -> list[float | None]:
        refresh(connection, results, quiet)
        (found,) = series(connection, QUERY)
        return [point.value for point in found.points]

    return using(results, cache, work, ([] if notes is None else notes).append)


def test_each_history_is_read_once(results: Path, cache: Path, reader: Reader) -> None:
    put_all(results, [8.0, 8.1, 8.2])
    assert medians(results, cache) == [8.0, 8.1, 8.2]
    assert sorted(reader.read) == ["0001", "0002", "0003"]
    reader.read.clear()
    assert medians(results, cache) == [8.0, 8.1, 8.2]
    assert reader.read == []


def test_what_is_new_changed_or_gone_is_noticed(results: Path, cache: Path, reader: Reader) -> None:
    paths = put_all(results, [8.0, 8.1, 8.2, 8.3])
    medians(results, cache)
    reader.read.clear()
    paths[0].unlink()
    changed = paths[1].read_text().replace(": 8.1,", ": 8.09,")
    paths[1].write_text(changed)
    put_all(results, [8.4], first=5)
    # Touched, with the same content: read again, and as before.
    os.utime(paths[2], ns=(1, 1))
    assert medians(results, cache) == [8.09, 8.2, 8.3, 8.4]
    assert sorted(reader.read) == ["0002", "0003", "0005"]


def test_another_folder_of_results_has_an_index_of_its_own(tmp_path: Path, cache: Path) -> None:
    put_all(tmp_path / "a", [8.0])
    put_all(tmp_path / "b", [9.0, 9.1])
    for _ in range(2):
        assert medians(tmp_path / "a", cache) == [8.0]
        assert medians(tmp_path / "b", cache) == [9.0, 9.1]
    assert not list((tmp_path / "a").rglob("*.sqlite3"))


def test_the_index_may_be_deleted_at_any_time(results: Path, cache: Path) -> None:
    put_all(results, [8.0, 8.1])

    def work(connection: sqlite3.Connection) -> int:
        refresh(connection, results, quiet)
        index_path(results, cache).unlink()
        return len(series(connection, QUERY)[0].points)

    assert using(results, cache, work, pytest.fail) == 2
    assert medians(results, cache) == [8.0, 8.1]


def garbage(path: Path) -> None:
    path.write_bytes(b"this is no database, whatever its name says " * 200)


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def scribbled(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[4096:] = b"\x55" * (len(content) - 4096)
    path.write_bytes(content)


def foreign(path: Path) -> None:
    path.unlink()
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE file (id INTEGER)")
    connection.close()


def older(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA user_version = {index.VERSION + 1}")
    connection.close()


def without_a_table(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TABLE measured")
    connection.close()


def no_json(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE measured SET figures = '{', reasons = '{'")
    connection.close()


@pytest.mark.parametrize(
    "spoil", [garbage, cut, scribbled, foreign, older, without_a_table, no_json]
)
def test_an_index_that_is_no_good_is_built_again_and_that_is_said(
    results: Path, cache: Path, spoil: Callable[[Path], None]
) -> None:
    put_all(results, [8.0, 8.1, 8.2])
    medians(results, cache)
    spoil(index_path(results, cache))
    notes: list[str] = []
    assert medians(results, cache, notes) == [8.0, 8.1, 8.2]
    (note,) = notes
    assert "it is built again" in note
    assert str(index_path(results, cache)) in note
    notes.clear()
    assert medians(results, cache, notes) == [8.0, 8.1, 8.2]
    assert notes == []


def test_an_empty_index_is_a_new_one(results: Path, cache: Path) -> None:
    put_all(results, [8.0])
    path = index_path(results, cache)
    path.parent.mkdir(parents=True)
    path.touch()
    notes: list[str] = []
    assert medians(results, cache, notes) == [8.0]
    assert notes == []


def test_without_a_place_for_it_the_histories_are_read_each_time(
    results: Path, tmp_path: Path, reader: Reader
) -> None:
    put_all(results, [8.0, 8.1])
    in_the_way = tmp_path / "file"
    in_the_way.touch()
    a_folder = tmp_path / "cache"
    index_path(results, a_folder).mkdir(parents=True)
    for cache in (in_the_way, a_folder):
        notes: list[str] = []
        reader.read.clear()
        assert medians(results, cache, notes) == [8.0, 8.1]
        assert len(reader.read) == 2
        (note,) = notes
        assert "SLIMBENCH_STORE" in note


def test_bad_histories_are_kept_in_mind_with_their_problem(
    results: Path, cache: Path, reader: Reader
) -> None:
    paths = put_all(results, [8.0, 8.1, 8.2, 8.3])
    paths[1].write_text(paths[1].read_text()[:-30])
    paths[2].unlink()
    paths[2].mkdir()
    (results / MACHINE / "0009_gone_20250101_120000.json").symlink_to("nowhere")

    def problems(connection: sqlite3.Connection) -> tuple[tuple[str, str], ...]:
        return skipped(connection)

    for _ in range(2):
        assert medians(results, cache) == [8.0, 8.3]
        folder, truncated = using(results, cache, problems, pytest.fail)
        assert folder[0] == f"{MACHINE}/{paths[2].name}"
        assert "is a folder" in folder[1]
        assert "not complete JSON" in truncated[1]
    assert len(reader.read) == 4
    # It is mended, and is looked at again.
    put(results, 2, document(8.1))
    paths[1].unlink()
    assert medians(results, cache) == [8.0, 8.1, 8.3]
    assert len(using(results, cache, problems, pytest.fail)) == 1


def test_a_killed_command_leaves_what_it_had_indexed(
    results: Path, cache: Path, reader: Reader
) -> None:
    put_all(results, [8.0 + i / 10 for i in range(7)])
    program = """
import os, sys
from pathlib import Path
from slimbench.trend import index
index.MANY = 2
def advance(done, total, note=""):
    if done == 5:
        os._exit(9)
results, cache = map(Path, sys.argv[1:])
index.using(results, cache, lambda each: index.refresh(each, results, advance), print)
"""
    killed = subprocess.run(
        [sys.executable, "-c", program, str(results), str(cache)],
        cwd=Path(slimbench.__file__).parents[1],
        check=False,
    )
    assert killed.returncode == 9
    notes: list[str] = []
    assert medians(results, cache, notes) == [8.0 + i / 10 for i in range(7)]
    assert notes == []
    # The newest were first: two transactions of two were complete.
    assert sorted(reader.read) == ["0001", "0002", "0003"]


def test_ctrl_c_leaves_an_index_that_goes_on(
    results: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_all(results, [8.0, 8.1, 8.2])

    def interrupted(path: Path) -> HistorySummary:
        if path.name.startswith("0002"):
            raise KeyboardInterrupt
        return read_summary(path)

    with monkeypatch.context() as patch:
        patch.setattr(index, "read_summary", interrupted)
        with pytest.raises(KeyboardInterrupt):
            medians(results, cache)
    assert medians(results, cache) == [8.0, 8.1, 8.2]


def test_one_waits_for_another_and_says_so(
    results: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_all(results, [8.0])
    monkeypatch.setattr(index, "LOCK_SECONDS", 0.1)
    notes: list[str] = []

    def work(_: sqlite3.Connection) -> list[float | None]:
        return medians(results, cache, notes)

    # The other never ends: it is waited for, and then done without.
    assert using(results, cache, work, pytest.fail) == [8.0]
    waiting, without = notes
    assert "waiting" in waiting
    assert "another command has held it" in without


def test_results_that_cannot_be_listed_are_an_error(tmp_path: Path, cache: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(HistoryError, match="cannot be read"):
        medians(file, cache)
