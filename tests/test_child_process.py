from __future__ import annotations

import json
import os
import queue
import sys
from pathlib import Path

import psutil
import pytest

from slimbench.child_process import DIED, Child, Event, ending, exit_words, run


def python(program: str) -> list[str]:
    return [sys.executable, "-c", program]


def events_of(program: str, log: Path | None = None) -> list[Event]:
    """Return everything that a child reports, up to its end."""
    events: queue.SimpleQueue[Event] = queue.SimpleQueue()
    child = Child(python(program), events.put, log)
    try:
        reported = [events.get(timeout=30)]
        while reported[-1]["event"] not in ("end", "died"):
            reported.append(events.get(timeout=30))
    finally:
        child.end()
    assert events.empty()
    return reported


@pytest.mark.parametrize(
    ("status", "words"), [(0, "exit status 0"), (3, "exit status 3"), (-99, "signal 99")]
)
def test_an_exit_status_in_words(status: int, words: str) -> None:
    assert exit_words(status) == words


@pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")
def test_a_signal_has_its_name() -> None:
    done = run(python("import os; os.kill(os.getpid(), 11)"), 30)
    assert (done.status, done.ending) == (-11, "SIGSEGV")


def test_the_last_line_that_tells_something_is_quoted() -> None:
    errors = "first\nout of memory\n\nINFO: Created TensorFlow Lite XNNPACK delegate for CPU.\n"
    assert ending("SIGKILL", errors) == "SIGKILL; its last line: out of memory"
    assert ending("SIGKILL", "") == "SIGKILL"


def test_a_command_is_run_to_its_end_without_anything_to_read() -> None:
    done = run(python("import sys; print(sys.stdin.read(), 'done'); sys.exit('no model')"), 30)
    assert (done.status, done.output.strip()) == (1, "done")
    assert done.ending == "exit status 1; its last line: no model"


def test_a_command_that_takes_too_long_is_killed() -> None:
    done = run(python("import time; print('loading', flush=True); time.sleep(600)"), 1)
    assert done.status is None
    assert done.output.strip() == "loading"
    assert done.ending == "no answer within 1 s"
    assert psutil.Process().children() == []


def test_what_is_no_event_is_left_out_and_a_death_is_reported() -> None:
    lines = "chatter", "[1]", '{"other": 1}', '{"event": "started"}', '{"event": "cut o'
    assert events_of(f"for line in {lines}: print(line)") == [{"event": "started"}, DIED]


def test_a_child_that_says_that_it_ended_did_not_die() -> None:
    assert events_of('print(\'{"event": "end"}\')') == [{"event": "end"}]


def test_a_child_reads_what_is_sent_and_its_chatter_goes_to_the_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("before\n")
    events: queue.SimpleQueue[Event] = queue.SimpleQueue()
    echo = (
        "import json, sys\n"
        "print('working', file=sys.stderr)\n"
        "print(json.dumps({'event': 'read', 'line': input()}), flush=True)\n"
        "input()\n"
    )
    child = Child(python(echo), events.put, log)
    child.send(json.dumps([1]).encode() + b"\n")
    assert events.get(timeout=30) == {"event": "read", "line": "[1]"}
    child.end()
    assert log.read_text() == "before\nworking\n"
    assert psutil.Process().children() == []


def test_a_command_that_cannot_be_run_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Child([str(tmp_path / "none")], lambda _: None)
