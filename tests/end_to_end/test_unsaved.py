"""Results that cannot be written down at the end of a run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from slimbench.history import record
from tests.end_to_end.conftest import FirstRun
from tests.end_to_end.suite import Suite


def test_a_history_that_cannot_be_saved_is_an_error_and_harms_no_other(
    first: FirstRun, suite: Suite
) -> None:
    folder = suite.results / first.path.parent.name
    folder.mkdir(parents=True)
    earlier = folder / first.path.name
    earlier.write_bytes(first.path.read_bytes())
    (folder / ".lock").mkdir()  # stands for any error of the disk
    done = suite.run("-k", "f16")
    assert done.status not in {0, 1}
    assert "The history was not saved" in done.out
    assert "student_scratch_f16" in done.out.split("slimbench: quick")[1]  # the table is shown
    assert str(folder) in done.out
    assert "Traceback" not in done.out + done.err
    assert suite.histories() == [earlier]
    assert earlier.read_bytes() == first.path.read_bytes()


def test_another_plugins_file_that_cannot_be_written_leaves_the_history(
    suite: Suite, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    done = suite.run("-k", "f16", f"--junitxml={tmp_path / 'file' / 'tests.xml'}")
    assert done.status != 0
    (path,) = suite.histories()
    assert f"History: {path}" in done.out


def test_a_warning_is_no_error_where_benchmarks_run(suite: Suite) -> None:
    cache = suite.home / "cache"
    cache.write_text("in the way of a folder")
    done = suite.run("-k", "f16", "-o", f"cache_dir={cache}")
    assert done.status == 0, done.out + done.err
    assert len(suite.histories()) == 1


def test_charts_that_cannot_be_drawn_leave_the_history(suite: Suite) -> None:
    full = replace(suite, plugins=("no_room_for_charts",))
    done = full.run("-k", "f16")
    assert done.status not in {0, 1}
    assert "Traceback" not in done.out + done.err
    assert "No space left on device" in done.out
    (path,) = full.histories()
    assert f"History: {path}" in done.out
    assert record.load(path).status == "partial"
    assert sorted(path.parent.glob("*.partial")) == []
