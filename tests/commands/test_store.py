from __future__ import annotations

import os
import re
import time
import zipfile
from pathlib import Path

import pytest

from slimbench import cli
from slimbench.build import recipe
from slimbench.build.store import Store
from slimbench.datasets.photos.archives import unpack
from slimbench.history.write import save
from slimbench.suite import variants
from tests import example_history
from tests.ready_run import Ready

NEEDED = variants.get("student_scratch_f32", "digits").chain


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A store with a model that profiles need, and something that none does any more."""
    monkeypatch.setenv("SLIMBENCH_STORE", str(tmp_path / "store"))
    store = Store()
    store.prepare()
    for step in (NEEDED, Ready("an older model")):
        with store.writing(recipe.key(step, 0), step.title(), {}) as folder:
            (folder / "model.tflite").write_bytes(bytes(3 * 2**19))
    return store


def listed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert cli.main(["store", *arguments]) == 0
    return capsys.readouterr().out


def titles(store: Store) -> set[str]:
    return {artifact.title for artifact in store.objects()}


def test_it_lists_what_is_there(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    out = listed(capsys)
    for step in (NEEDED, Ready("an older model")):
        key = recipe.key(step, 0)[:12]
        assert re.search(rf"^{key} +{step.title()} +1\.5 +20\d\d-\d\d-\d\d$", out, re.MULTILINE)
    assert out.splitlines()[-1] == f"{store.root}: 2 objects, 3 MiB"
    assert len(titles(store)) == 2


def test_an_empty_store_has_no_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SLIMBENCH_STORE", str(tmp_path / "empty"))
    assert listed(capsys) == f"{tmp_path / 'empty'}: 0 objects, 0 MiB\n"


def test_pruning_keeps_what_variants_need(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    leftover = store.root / "tmp" / "0123abc"
    leftover.mkdir()
    old, new = (store.root / "logs" / f"{name}.log" for name in ("old", "new"))
    for log in (old, new):
        log.touch()
    week_ago = time.time() - 8 * 24 * 3600
    os.utime(old, (week_ago, week_ago))
    out = listed(capsys, "--prune")
    assert titles(store) == {NEEDED.title()}
    assert "removed" in out
    assert "making an older model" in out
    assert "removed leftovers of runs that were killed: 1\n" in out
    assert out.splitlines()[-1] == f"{store.root}: 1 object, 2 MiB"
    assert not leftover.exists()
    assert (old.exists(), new.exists()) == (False, True)


def test_clearing_removes_everything(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    out = listed(capsys, "--clear")
    assert titles(store) == set()
    assert out.splitlines()[-1] == f"{store.root}: 0 objects, 0 MiB"


def test_pruning_and_clearing_at_once_mean_nothing(store: Store) -> None:
    with pytest.raises(SystemExit):
        cli.main(["store", "--prune", "--clear"])
    assert len(titles(store)) == 2


def test_a_store_that_cannot_be_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("SLIMBENCH_STORE", str(tmp_path / "file" / "store"))
    assert cli.main(["store"]) == 2
    assert "set SLIMBENCH_STORE to a folder that can be written" in capsys.readouterr().err


def test_unpacked_archives_are_listed_and_pruned(
    store: Store,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("os.sync", lambda: None)
    archive = tmp_path / "photos.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("cat/1.jpg", b"x")
        file.writestr("dog/1.jpg", b"y")
    folder = unpack(archive, store)
    assert re.search(r"^[0-9a-f]{12}  unpacked photos\.zip, 2 files$", listed(capsys), re.MULTILINE)
    assert "unpacked photos.zip" in listed(capsys, "--prune", "--dry-run")
    assert folder.exists()
    assert "unpacked archive" in listed(capsys, "--prune")
    assert not folder.exists()
    assert "photos.zip" not in listed(capsys)


def test_a_dry_run_removes_nothing(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    out = listed(capsys, "--prune", "--dry-run")
    assert "would remove" in out
    assert "making an older model" in out
    assert NEEDED.title() not in out
    assert len(titles(store)) == 2


def test_much_is_removed_only_when_somebody_agrees(
    store: Store, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("slimbench.commands.store.ASK_BYTES", 2**20)
    assert cli.main(["store", "--prune"]) == 2
    assert "Look at them with --dry-run, or agree with --yes." in capsys.readouterr().err
    assert len(titles(store)) == 2
    listed(capsys, "--prune", "--yes")
    assert titles(store) == {NEEDED.title()}


def test_a_folder_of_runs_that_is_not_there_is_an_error(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = tmp_path / "reslts"
    assert cli.main(["store", "--prune", f"--results={missing}"]) == 2
    assert f"There is no folder {missing}" in capsys.readouterr().err
    assert len(titles(store)) == 2


def test_what_another_project_measured_is_kept(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    elsewhere = tmp_path / "elsewhere" / "results"
    older = next(each for each in store.objects() if each.title != NEEDED.title())
    run = example_history.document()
    for benchmark in run["benchmarks"]:
        benchmark["extra_info"]["model_sha256"] = older.files["model.tflite"]
    save(run, elsewhere, "machine")
    store.remember_results(elsewhere)
    lines = listed(capsys, "--prune").splitlines()
    (kept,) = [line for line in lines if line.startswith("kept 1 object that runs saved in ")]
    assert str(elsewhere) in kept
    assert len(titles(store)) == 2
