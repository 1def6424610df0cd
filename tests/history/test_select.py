from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import slimbench
from slimbench.history.document import HistoryError
from slimbench.history.select import by_number, latest, resolve, select, select_one
from slimbench.history.write import save
from tests.example_history import document

ONE = "2ef59e1d" + "0" * 32
OTHER = "2ef5a000" + "1" * 32


def small(
    commit: str = ONE,
    status: str = "complete",
    profile: str = "digits",
    *,
    dirty: bool = False,
    at: str = "12:00",
) -> dict[str, Any]:
    run = document(status=status, profile=profile)
    del run["benchmarks"][1:]
    run["commit_info"].update(id=commit, dirty=dirty)
    run["datetime"] = f"2025-03-01T{at}:00+00:00"
    return run


def names(what: str, root: Path, profile: str | None = None) -> list[str]:
    return [history.path.name[:4] for history in select(what, root, profile)]


def refused(what: str, root: Path, profile: str | None = None) -> str:
    with pytest.raises(HistoryError) as caught:
        select(what, root, profile)
    return str(caught.value)


def test_number_path_latest_and_profile_each_name_one_run(tmp_path: Path) -> None:
    path = save(small(), tmp_path, "m")
    save(small(profile="quick"), tmp_path, "m")
    assert [names(what, tmp_path) for what in ("1", str(path), "latest", "profile:digits")] == [
        ["0001"],
        ["0001"],
        ["0002"],
        ["0001"],
    ]
    assert names("latest", tmp_path, "digits") == ["0001"]


def test_a_commit_is_named_by_its_beginning(tmp_path: Path) -> None:
    save(small(ONE), tmp_path, "m")
    save(small(OTHER), tmp_path, "m")
    assert names("commit:2ef59", tmp_path) == ["0001"]
    assert names(f"commit:{OTHER}", tmp_path) == ["0002"]
    assert names("commit:2EF5A", tmp_path) == ["0002"]


def test_a_commit_s_newest_complete_run_is_meant_and_of_a_clean_checkout(tmp_path: Path) -> None:
    save(small(dirty=True), tmp_path, "m")
    assert names("commit:2ef59e1", tmp_path) == ["0001"]
    for status in ("complete", "complete", "partial"):
        save(small(status=status), tmp_path, "m")
    save(small(dirty=True), tmp_path, "m")
    assert names("commit:2ef59e1", tmp_path) == ["0003"]


def test_an_ambiguous_commit_lists_what_it_could_be(tmp_path: Path) -> None:
    save(small(ONE), tmp_path, "m")
    save(small(OTHER), tmp_path, "m")
    said = refused("commit:2ef5", tmp_path)
    assert "2ef59e1d0000, 2ef5a0001111" in said
    assert "more digits" in said


def test_a_commit_with_runs_of_two_profiles_takes_one_more_word(tmp_path: Path) -> None:
    save(small(), tmp_path, "m")
    save(small(profile="quick"), tmp_path, "m")
    assert "digits, quick" in refused("commit:2ef59e1", tmp_path)
    assert names("commit:2ef59e1", tmp_path, "digits") == ["0001"]
    assert "profile other" in refused("commit:2ef59e1", tmp_path, "other")


def test_digits_past_those_in_the_file_s_name_count_too(tmp_path: Path) -> None:
    save(small(), tmp_path, "m")
    assert "no run of commit" in refused(f"commit:{ONE[:20]}f", tmp_path)


def test_an_unfinished_run_is_not_what_a_commit_means(tmp_path: Path) -> None:
    path = save(small(status="partial"), tmp_path, "m")
    assert f"{path.name}, is partial: name it" in refused("commit:2ef59e1", tmp_path)


def test_a_pattern_names_runs_in_the_order_they_were_taken(tmp_path: Path) -> None:
    for commit in (ONE, OTHER, ONE):
        save(small(commit), tmp_path, "m")
    assert names("*_2ef59*", tmp_path) == ["0001", "0003"]
    assert names("000[23]_*", tmp_path) == ["0002", "0003"]
    with pytest.raises(HistoryError, match="names 2 runs where one is wanted: 0001_2ef5"):
        select_one("*_2ef59*", tmp_path)
    assert select_one("0002_*", tmp_path).commit == OTHER


def test_a_file_whose_name_looks_like_a_pattern_is_that_file(tmp_path: Path) -> None:
    path = save(small(), tmp_path, "m")
    odd = path.rename(tmp_path / "run[1].json")
    assert [history.path for history in select(str(odd), tmp_path)] == [odd]


def test_a_pattern_that_takes_in_everything_is_refused_unread(tmp_path: Path) -> None:
    path = save(small(), tmp_path, "m")
    for number in range(2, 40):
        (path.parent / f"{number:04d}{path.name[4:]}").write_text("{}")
    assert "39 runs, more than 26" in refused("*", tmp_path)


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("", "There is no run ''. Name one by a number"),
        ("newest", "There is no run 'newest'. Name one by a number"),
        ("commit:", "'commit:' names no commit"),
        ("profile:", "'profile:' names no profile"),
        ("commit:xyz1", "'xyz1' is not the beginning of a commit"),
        ("commit:2e", "at least 4"),
        ("commit:aaaa", "no run of commit aaaa"),
        ("profile:other", "no complete run of other"),
        ("9", "no run 9"),
        ("*nothing*", r"No run in .* has a name like '\*nothing\*'. Newest: 0001_2ef59e1d0000"),
    ],
)
def test_what_names_nothing_says_what_would(tmp_path: Path, what: str, message: str) -> None:
    save(small(), tmp_path, "m")
    with pytest.raises(HistoryError, match=message):
        select(what, tmp_path)


def test_a_damaged_run_is_not_passed_over(tmp_path: Path) -> None:
    save(small(), tmp_path, "m")
    damaged = save(small(), tmp_path, "m")
    damaged.write_text("{")
    assert damaged.name in refused("commit:2ef59e1", tmp_path)
    assert damaged.name in refused("*2ef59*", tmp_path)


def test_latest_is_the_last_complete_run_of_the_profile(tmp_path: Path) -> None:
    first = save(small(), tmp_path, "m")
    save(small(status="interrupted"), tmp_path, "m")
    other = save(small(profile="imagenet"), tmp_path, "m")
    partial = save(small(status="partial"), tmp_path, "m")
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
    partial = save(small(status="partial"), tmp_path, "m")
    with pytest.raises(HistoryError, match=f"{partial.name}, is partial: name it"):
        latest(tmp_path, "m", "digits")


def test_a_number_names_a_run_of_any_status(tmp_path: Path) -> None:
    save(small(), tmp_path, "m")
    partial = save(small(status="partial"), tmp_path, "m")
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


def test_latest_says_what_it_passes_over(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    whole = save(small(), tmp_path, "m")
    part = save(small(status="partial"), tmp_path, "m")
    save(small(status="partial", profile="quick"), tmp_path, "m")
    assert names("latest", tmp_path, "digits") == ["0001"]
    (message,) = caplog.messages
    assert message == (
        f"latest is {whole.name}: newer runs were not measured whole, {part.name} (partial). "
        "To take one of them, name it by its number or path."
    )


def test_latest_says_nothing_where_it_is_the_newest(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    save(small(status="partial"), tmp_path, "m")
    save(small(), tmp_path, "m")
    assert names("latest", tmp_path) == ["0002"]
    assert caplog.messages == []


def test_files_of_other_tools_are_named_and_left_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = save(small(ONE), tmp_path, "m")
    foreign = path.with_name("0002_counter_20250301_130000.json")
    theirs = small(ONE)
    del theirs["slimbench"]
    foreign.write_text(json.dumps(theirs))
    assert names("latest", tmp_path) == ["0001"]
    assert names("commit:2ef59", tmp_path) == ["0001"]
    assert str(foreign) in caplog.messages[0]
    assert [run.path for run in slimbench.runs(tmp_path)] == [path]
    assert "it is not a history that slimbench wrote" in refused("2", tmp_path)
    assert foreign.exists()
