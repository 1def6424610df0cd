from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from slimbench.history.document import HistoryError
from slimbench.history.find import by_number, latest, resolve
from slimbench.history.write import save
from tests.example_history import document


def small(status: str = "complete", profile: str = "digits", at: str = "12:00") -> dict[str, Any]:
    run = document(status=status, profile=profile)
    del run["benchmarks"][1:]
    run["datetime"] = f"2025-03-01T{at}:00+00:00"
    return run


def test_latest_is_the_last_complete_run_of_the_profile(tmp_path: Path) -> None:
    first = save(small(), tmp_path, "m")
    save(small("interrupted"), tmp_path, "m")
    other = save(small(profile="imagenet"), tmp_path, "m")
    partial = save(small("partial"), tmp_path, "m")
    assert latest(tmp_path, "m", "digits").path == first
    assert latest(tmp_path, "m", None).path == other
    assert latest(tmp_path, "m", "digits", complete_only=False).path == partial


def test_the_number_decides_on_one_machine_and_the_time_between_machines(tmp_path: Path) -> None:
    save(small(at="15:00"), tmp_path, "a")
    clock_set_back = save(small(at="09:00"), tmp_path, "a")
    assert latest(tmp_path, "a", None).path == clock_set_back
    newer = save(small(at="10:00"), tmp_path, "b")
    assert latest(tmp_path, None, None).path == newer


def test_numbers_past_9999_are_ordered_as_numbers(tmp_path: Path) -> None:
    path = save(small(), tmp_path, "m")
    path.rename(path.with_name(path.name.replace("0001", "9999")))
    newer = save(small(), tmp_path, "m")
    assert newer.name.startswith("10000_")
    assert latest(tmp_path, "m", None).path == newer


def test_published_files_are_nobody_s_latest_run(tmp_path: Path) -> None:
    save(small(at="23:00"), tmp_path, "published")
    save(small(at="23:00"), tmp_path, "baselines")
    own = save(small(at="01:00"), tmp_path, "m")
    assert latest(tmp_path, None, None).path == own


def test_a_damaged_latest_run_is_not_passed_over(tmp_path: Path) -> None:
    save(small(), tmp_path, "m")
    damaged = save(small(), tmp_path, "m")
    damaged.write_text(damaged.read_text()[:5000])
    with pytest.raises(HistoryError, match="0002_"):
        latest(tmp_path, "m", None)


def test_without_a_run_it_is_said_what_there_is(tmp_path: Path) -> None:
    with pytest.raises(HistoryError, match="Run the benchmarks first"):
        latest(tmp_path / "none", None, None)
    with pytest.raises(HistoryError, match="Run the benchmarks first"):
        latest(tmp_path, "m", None)
    partial = save(small("partial"), tmp_path, "m")
    with pytest.raises(HistoryError, match=f"{partial.name}, is partial: name it"):
        latest(tmp_path, "m", "digits")


def test_a_number_names_a_run_of_any_status(tmp_path: Path) -> None:
    save(small(), tmp_path, "m")
    partial = save(small("partial"), tmp_path, "m")
    assert by_number(tmp_path, "m", 2).path == partial
    with pytest.raises(HistoryError, match=r"no run 3 .* Newest: 2, 1"):
        by_number(tmp_path, "m", 3)
    save(small(), tmp_path, "n")
    with pytest.raises(HistoryError, match="several runs 1"):
        by_number(tmp_path, None, 1)


def test_a_user_names_a_run_by_latest_number_or_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save(small(), tmp_path, "m")
    assert [resolve(what, tmp_path).path for what in ("latest", "1", "0001", str(path))] == [
        path
    ] * 4
    monkeypatch.chdir(path.parent)
    assert resolve(path.name, tmp_path).profile == "digits"
    for wrong in ("newest", "9" * 30, "²", ""):
        with pytest.raises(HistoryError):
            resolve(wrong, tmp_path)
