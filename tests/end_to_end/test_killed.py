"""Runs that are interrupted, killed or crossed: what is read afterwards is always whole."""

from __future__ import annotations

import hashlib
import json
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from slimbench.history import record
from tests.end_to_end.conftest import FLOAT, QUICK, FirstRun
from tests.end_to_end.suite import Done, Running, Suite, cases

OTHER_SEED = "--seed=1"


def assert_whole(store: Path) -> None:
    """Every object is what its manifest says."""
    for manifest in store.glob("objects/*/*/manifest.json"):
        files = json.loads(manifest.read_text(encoding="utf-8"))["files"]
        present = {path for path in manifest.parent.rglob("*") if path.is_file()} - {manifest}
        assert present == {manifest.parent / name for name in files}
        for name, entry in files.items():
            content = (manifest.parent / name).read_bytes()
            assert hashlib.sha256(content).hexdigest() == entry["sha256"]


def is_training(store: Path) -> bool:
    """The first step is under way, which is training: the images are there already."""
    return any(path.is_dir() for path in store.glob("tmp/*"))


def interrupted_while_training(suite: Suite, number: signal.Signals) -> Done:
    for left in suite.store.glob("tmp/*"):
        shutil.rmtree(left)
    running = suite.start(OTHER_SEED, "-k", "f32")
    running.wait_until(lambda: is_training(suite.store))
    running.signal_group(number)
    return running.finish()


@pytest.fixture(scope="module")
def crossed(
    first: FirstRun, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Suite, Done, Done, list[Done]]:
    """Train another seed: interrupted, then killed, then in two runs at once."""
    root = tmp_path_factory.mktemp("crossed")
    (root / "home").mkdir()
    suite = Suite(root / "home", store=root / "store", results=root / "results")
    shutil.copytree(first.suite.store, suite.store)
    no_limits = root / "none.toml"
    no_limits.touch()
    interrupted = interrupted_while_training(suite, signal.SIGINT)
    assert suite.is_quiet()
    assert_whole(suite.store)
    killed = interrupted_while_training(suite, signal.SIGKILL)
    assert suite.is_quiet()
    assert_whole(suite.store)
    arguments = (OTHER_SEED, "-k", "f32", f"--budgets={no_limits}")
    both: list[Running] = [suite.start(*arguments), suite.start(*arguments)]
    return suite, interrupted, killed, [running.finish() for running in both]


@pytest.mark.slow
def test_interrupted_while_training_nothing_is_saved(
    crossed: tuple[Suite, Done, Done, list[Done]],
) -> None:
    _, interrupted, killed, _ = crossed
    assert interrupted.status == 2
    assert "Nothing was measured, so no history is saved." in interrupted.out
    assert killed.status == -signal.SIGKILL


@pytest.mark.slow
def test_two_runs_at_once_share_the_work_and_keep_apart(
    crossed: tuple[Suite, Done, Done, list[Done]], first: FirstRun
) -> None:
    suite, _, _, both = crossed
    assert [done.status for done in both] == [0, 0], both[0].out + both[1].out
    assert [path.name[:5] for path in suite.histories()] == ["0001_", "0002_"]
    for done, said in ((done, done.out) for done in both):
        assert sum(f"History: {path}" in said for path in suite.histories()) == 1
        assert done.err == ""
    one, other = (cases(json.loads(path.read_text()))[FLOAT] for path in suite.histories())
    assert one["model_sha256"] == other["model_sha256"]
    assert one["model_sha256"] != first.cases[FLOAT]["model_sha256"]
    assert one["eval_sha256"] == first.cases[FLOAT]["eval_sha256"]
    assert suite.history()["slimbench"]["seed"] == 1
    assert_whole(suite.store)
    assert list(suite.store.glob("tmp/*")) == []


def reached(running: Running, case: int) -> Callable[[], bool]:
    return lambda: f"[{case}/{len(QUICK)}]" in running.out


def test_interrupted_while_measuring_what_was_finished_is_kept(suite: Suite) -> None:
    running = suite.start()
    running.wait_until(reached(running, 2))
    running.signal_group(signal.SIGINT)
    done = running.finish()
    assert done.status == 2
    history = record.load(suite.histories()[0])
    assert history.status == "interrupted"
    assert 0 < len(history.entries) < len(QUICK)
    for entry in history.entries:
        assert entry.latency_ms is not None
        assert entry.accuracy_top1 is not None
        assert "its benchmark was left out" not in " ".join(entry.reasons.values())
    measured = {entry.case for entry in history.entries}
    assert {budget.case for budget in history.budgets} <= measured
    assert "interrupted" in done.out
    assert suite.is_quiet()


def test_killed_while_measuring_nothing_half_is_read(suite: Suite) -> None:
    running = suite.start()
    running.wait_until(reached(running, 2))
    running.signal_group(signal.SIGKILL)
    assert running.finish().status == -signal.SIGKILL
    assert suite.is_quiet()
    assert suite.histories() == []
    done = suite.run("-k", "f16")
    assert done.status == 0, done.out
    (path,) = suite.histories()
    assert path.name.startswith("0001_")
    assert record.load(path).status == "partial"
    assert_whole(suite.store)


def test_a_run_that_stops_at_the_first_failure_is_interrupted(
    suite: Suite, toml: Callable[[str], Path]
) -> None:
    file = toml("[quick.student_scratch_f16]\nsize_bytes_max = 1\n")
    done = suite.run("-x", "-k", "f32 or f16 or static", "--budgets", str(file))
    assert done.status == 1
    history = record.load(suite.histories()[0])
    assert history.status == "interrupted"
    assert [entry.case.variant for entry in history.entries] == list(QUICK[:2])
