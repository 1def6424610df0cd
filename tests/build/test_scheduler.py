from __future__ import annotations

import dataclasses
import os
import pickle
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from slimbench.build.scheduler import Failure
from slimbench.build.store import Artifact
from slimbench.build.worker import Assignment
from slimbench.paths import CODE
from tests.build import builder
from tests.build.recorder import key, lines, made, note, runs, wait_until
from tests.build.sample_steps import (
    Advancing,
    Chatty,
    Dying,
    Failing,
    Gated,
    Lacking,
    OfQuantizer,
    Refusing,
    Sample,
    Seeded,
)


def only_log(store) -> Path:
    (log,) = (store.root / "logs").iterdir()
    return log


def logged(result) -> str:
    """Return the text of the log that a failure names."""
    assert isinstance(result, Failure)
    return Path(result.reason.rpartition("(log: ")[2].rstrip(")")).read_text(encoding="utf-8")


def test_inputs_come_first_each_step_runs_once_and_a_shared_prefix_is_built_once(store, diary):
    flour = Sample("flour", diary)
    dough = Sample("dough", diary, flour)
    bread = Sample("bread", diary, dough)
    cake = Sample("cake", diary, dough, flour)
    outcome, watcher = made(store, cake, bread, cake)
    assert sorted(runs(diary)) == ["bread", "cake", "dough", "flour"]
    assert runs(diary)[:2] == ["flour", "dough"]
    assert note(outcome, cake) == "flourdoughflourcake"
    assert note(outcome, bread) == "flourdoughbread"
    assert list(outcome.results) == [cake, bread]
    assert watcher.plan == watcher.begun == list(watcher.ended)
    assert set(watcher.ended.values()) == {None}


def test_equal_steps_written_twice_are_one(store, diary):
    outcome, _ = made(
        store,
        Sample("bread", diary, Sample("flour", diary)),
        Sample("cake", diary, Sample("flour", diary)),
    )
    assert runs(diary).count("flour") == 1
    assert all(isinstance(result, Artifact) for result in outcome.results.values())


def test_a_second_build_runs_nothing_and_starts_no_process(store, diary):
    bread = Sample("bread", diary, Sample("flour", diary))
    made(store, bread)
    before, logs = runs(diary), list((store.root / "logs").iterdir())
    outcome, watcher = made(store, bread)
    assert note(outcome, bread) == "flourbread"
    assert watcher.plan == watcher.begun == []
    assert runs(diary) == before
    assert list((store.root / "logs").iterdir()) == logs
    assert outcome.seconds == {}


def test_a_longer_chain_builds_only_what_is_new(store, diary):
    flour = Sample("flour", diary)
    made(store, flour)
    _, watcher = made(store, Sample("bread", diary, flour))
    assert [step.label() for step in watcher.plan] == ["bread"]
    assert runs(diary) == ["flour", "bread"]


def test_chains_that_cross_toolchains_run_in_a_process_of_each(store, diary):
    flour = Sample("flour", diary)
    dough = OfQuantizer("dough", diary, flour)
    bread = Sample("bread", diary, dough)
    cake = OfQuantizer("cake", diary, flour)
    outcome, _ = made(store, bread, cake)
    assert note(outcome, bread) == "flourdoughbread"
    processes = dict(line.split() for line in lines(diary))
    assert processes["dough"] == processes["cake"]
    assert len(set(processes.values())) == 3
    assert outcome.seconds.keys() == {"import", "other"}


def test_only_seeded_steps_are_built_again_for_another_seed(store, diary):
    flour = Sample("flour", diary)
    dough = Seeded("dough", diary, flour)
    bread = Sample("bread", diary, dough)
    for seed in (1, 2, 1):
        outcome, _ = made(store, bread, dough, seed=seed)
        assert outcome.results[dough].file("seed.txt").read_text() == str(seed)
    assert runs(diary) == ["flour", "dough", "bread", "dough", "bread"]


def test_what_is_a_users_to_mend_is_said_as_it_stands(store, diary):
    soup = Refusing("soup", diary)
    failed = made(store, soup)[0].results[soup]
    assert failed.reason.startswith("The soup is too hot. Wait. (log: ")


def test_a_failing_step_fails_only_what_stands_on_it(store, diary):
    flour = Sample("flour", diary)
    toast = Failing("toast", diary, flour)
    breakfast = Sample("breakfast", diary, toast)
    morning = Sample("morning", diary, flour, breakfast)
    bread = Sample("bread", diary, flour)
    outcome, watcher = made(store, morning, bread, toast)
    assert note(outcome, bread) == "flourbread"
    assert runs(diary) == ["flour", "toast", "bread"]
    failed = outcome.results[toast]
    assert failed.reason.startswith("ValueError: the toast is burnt (log: ")
    assert not failed.missing
    assert outcome.results[morning].reason == f"making toast: {failed.reason}"
    assert watcher.ended[toast] == f"FAILED, {failed.reason}"
    assert "Traceback" in logged(failed)
    assert "the toast is burnt" in logged(failed)
    assert store.find(key(toast)) is None
    assert list((store.root / "tmp").iterdir()) == []


def test_a_failed_step_is_tried_again_by_the_next_build(store, diary):
    toast = Failing("toast", diary)
    made(store, toast)
    made(store, toast)
    assert runs(diary) == ["toast", "toast"]


def test_a_failure_reaches_steps_of_another_toolchain(store, diary):
    breakfast = OfQuantizer("breakfast", diary, Failing("toast", diary))
    bread = OfQuantizer("bread", diary)
    outcome, _ = made(store, breakfast, bread)
    assert outcome.results[breakfast].reason.startswith("making toast: ValueError")
    assert note(outcome, bread) == "bread"


def test_what_cannot_be_had_is_missing_and_so_is_what_stands_on_it(store, diary):
    truffle = Lacking("truffle", diary)
    pasta = Sample("pasta", diary, truffle)
    dinner = Sample("dinner", diary, pasta)
    bread = Sample("bread", diary)
    outcome, watcher = made(store, dinner, truffle, bread)
    assert outcome.results[truffle] == Failure("no truffle in the shop", missing=True)
    assert outcome.results[dinner] == Failure("no truffle in the shop", missing=True)
    assert watcher.ended[truffle] == "missing, no truffle in the shop"
    assert note(outcome, bread) == "bread"


def test_a_step_that_kills_its_process_fails_alone(store, diary):
    flour = Sample("flour", diary)
    dead = Dying("dead", diary, flour)
    ghost = Sample("ghost", diary, dead)
    bread = Sample("bread", diary, flour)
    cake = Sample("cake", diary, bread)
    outcome, _ = made(store, flour, dead, ghost, cake)
    assert runs(diary) == ["flour", "dead", "bread", "cake"]
    assert note(outcome, cake) == "flourbreadcake"
    assert outcome.results[dead].reason.startswith("its process died (log: ")
    assert outcome.results[ghost].reason.startswith("making dead: its process died")
    assert list(store.objects()) != []
    assert store.find(key(dead)) is None


def test_last_words_of_a_process_that_dies_are_in_the_log(store, diary, monkeypatch):
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)
    dead = Dying("dead", diary)
    outcome, _ = made(store, dead)
    assert "last words" in logged(outcome.results[dead])


def test_chatter_goes_to_the_log_and_not_to_the_terminal(store, diary, capfd, monkeypatch):
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)
    chatty = Chatty("parrot", diary)
    outcome, _ = made(store, chatty)
    assert note(outcome, chatty) == "parrot"
    assert capfd.readouterr() == ("", "")
    assert set(only_log(store).read_text(encoding="utf-8").splitlines()) >= {
        "said by print",
        "said by C",
        "written to descriptor 1",
        "written to descriptor 2",
    }


def test_a_process_that_ends_well_leaves_no_complaint_behind(store):
    assignment = Assignment(store.root, "plain", (), 7, store.log_file("plain"))
    job = pickle.dumps(assignment)
    child = subprocess.Popen(
        [sys.executable, "-m", "slimbench.build.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=CODE,
    )
    assert child.stdin is not None
    child.stdin.write(len(job).to_bytes(8, "big") + job)
    child.stdin.flush()
    assert child.wait(timeout=20) == 0
    assert child.communicate()[1] == b""


def test_progress_arrives_with_its_note(store, diary):
    kettle = Advancing("kettle", diary)
    _, watcher = made(store, kettle)
    assert watcher.progress[-1] == (kettle, 2, 2, "done")
    assert (kettle, 0.5, 2, "warming up") in watcher.progress


@pytest.fixture
def gate(tmp_path):
    """Keeps a `Gated` step waiting while it is there."""
    gate = tmp_path / "gate"
    gate.touch()
    return gate


@pytest.fixture
def waiting(store, diary, gate):
    """A parent process whose child is in the middle of a step, with that child's id."""
    step = Gated("gated", diary, gate=str(gate))
    parent = builder.start(store, step)
    try:
        wait_until(lambda: lines(diary), "the step begins")
        yield parent, step, psutil.Process(int(lines(diary)[0].split()[1]))
    finally:
        gate.unlink(missing_ok=True)
        parent.kill()
        parent.communicate()


def gone(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def test_killing_the_parent_ends_the_child(waiting):
    parent, _, child = waiting
    assert not gone(child)
    parent.kill()
    wait_until(lambda: gone(child), "the child ends", seconds=5)


def test_ctrl_c_leaves_no_child_and_nothing_half_written(waiting, store):
    parent, step, child = waiting
    parent.send_signal(signal.SIGINT)
    _, complaint = parent.communicate(timeout=30)
    assert b"KeyboardInterrupt" in complaint
    assert parent.returncode in (1, 130, -signal.SIGINT)
    assert gone(child)
    assert store.find(key(step)) is None


def test_two_processes_that_need_the_same_object_build_it_once(waiting, store, diary, gate):
    first, step, _ = waiting
    bread = Sample("bread", diary, step)
    second = builder.start(store, bread)
    assert second.stdout is not None
    assert second.stdout.readline() == b"started gated\n"
    gate.unlink()
    said = second.communicate(timeout=30)[0]
    assert said.splitlines() == [b"started bread", b"bread: stored"]
    assert first.communicate(timeout=30)[0].splitlines()[-1] == b"gated: stored"
    assert runs(diary) == ["gated", "bread"]


def test_a_process_that_waits_takes_over_when_the_builder_is_killed(waiting, store, gate):
    first, step, child = waiting
    second = builder.start(store, step)
    assert second.stdout is not None
    second.stdout.readline()
    os.kill(child.pid, signal.SIGKILL)
    gate.unlink()
    assert b"gated: stored" in second.communicate(timeout=30)[0]
    assert b"gated: " in first.communicate(timeout=30)[0]
    assert isinstance(store.find(key(step)), Artifact)


def test_a_build_killed_in_the_middle_of_a_file_leaves_nothing_readable(waiting, store, gate):
    parent, step, child = waiting
    parent.kill()
    wait_until(lambda: gone(child), "the child ends")
    assert store.find(key(step)) is None
    assert list(store.objects()) == []
    assert [half.name for half in (store.root / "tmp").iterdir()] == [key(step)]
    wait_until(lambda: store.sweep() == 1, "the dead child's lock is free")
    assert list((store.root / "tmp").iterdir()) == []
    gate.unlink()
    outcome, _ = made(store, step)
    assert note(outcome, step) == "gated"


def test_the_next_build_works_over_what_a_killed_one_left(waiting, store, gate):
    parent, step, child = waiting
    parent.kill()
    wait_until(lambda: gone(child), "the child ends")
    gate.unlink()
    outcome, _ = made(store, step)
    assert outcome.results[step].file("big.bin").read_bytes() == b"half"
    assert list((store.root / "tmp").iterdir()) == []


def test_sweeping_leaves_alone_what_is_being_written(waiting, store, gate):
    parent, _, _ = waiting
    assert store.sweep() == 0
    gate.unlink()
    assert b"gated: stored" in parent.communicate(timeout=30)[0]


def test_a_step_keeps_its_key_whoever_builds_it(store, diary):
    bread = Sample("bread", diary, Sample("flour", diary))
    outcome, _ = made(store, bread)
    assert outcome.results[bread].key == key(dataclasses.replace(bread))
