"""The supervisor, with servers of a few lines that end as a test tells them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from slimbench.errors import UsageProblem
from slimbench.webapp import supervisor
from slimbench.webapp.settings import Settings
from slimbench.webapp.supervisor import Supervisor, listen
from tests.build.recorder import wait_until
from tests.datasets.photos.pictures import wait_for

SERVER = """
import argparse, os, signal, sys, time
from pathlib import Path
parser = argparse.ArgumentParser()
for name in ("--settings", "--listener", "--ready"):
    parser.add_argument(name)
chosen = parser.parse_args()
here = Path({here!r})
number = len(list(here.glob("started*")))
(here / f"started{{number}}").touch()

def ready():
    os.write(int(chosen.ready), b"1")
    os.close(int(chosen.ready))

def crash():
    os.kill(os.getpid(), signal.SIGSEGV)

def until_signal():
    def end(*_):
        (here / "ended").touch()
        sys.exit(0)
    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, lambda *_: (here / "interrupted").touch())
    (here / "waiting").touch()
    while True:
        time.sleep(0.01)

{body}
"""


class Supervised:
    """A supervisor in the main thread, as its signals need it, over servers of one body."""

    def __init__(self, here: Path, body: str, **settings: float) -> None:
        self.said: list[str] = []
        self.complaints: list[str] = []
        program = SERVER.format(here=str(here), body=textwrap.dedent(body))
        self.listener = listen(Settings(port=0))
        self.supervisor = Supervisor(
            Settings(port=0, **settings),  # type: ignore[arg-type]
            self.listener,
            self.said.append,
            self.complaints.append,
            (sys.executable, "-c", program),
        )

    def run(self, signals: Callable[[], None] = lambda: None) -> int:
        sender = threading.Thread(target=signals)
        sender.start()
        try:
            return self.supervisor.run()
        finally:
            sender.join(30)


Make = Callable[..., Supervised]


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    monkeypatch.setattr(supervisor, "PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(supervisor, "STEADY_SECONDS", 0.01)
    return lambda body, **settings: Supervised(tmp_path, body, **settings)


def starts(here: Path) -> int:
    return len(list(here.glob("started*")))


def kill_when(
    path: Path,
    what: signal.Signals = signal.SIGTERM,
    noticed: Callable[[], object] = lambda: True,
) -> Callable[[], None]:
    """Return what sends a signal once a server made the file and its supervisor noticed."""

    def send() -> None:
        wait_for(path)
        wait_until(noticed, "the supervisor says something")
        os.kill(os.getpid(), what)

    return send


@pytest.mark.parametrize("what", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_is_passed_on_and_the_end_is_clean(
    make: Make, tmp_path: Path, what: signal.Signals
) -> None:
    supervised = make("ready(); until_signal()")
    before = signal.getsignal(what)
    assert supervised.run(kill_when(tmp_path / "waiting", what, lambda: supervised.said)) == 0
    assert (tmp_path / "ended").exists()
    assert not (tmp_path / "interrupted").exists()
    assert starts(tmp_path) == 1
    (said,) = supervised.said
    assert said.startswith("Serving at http://127.0.0.1:")
    assert supervised.complaints == []
    assert signal.getsignal(what) == before
    with pytest.raises(OSError, match="Bad file descriptor"):
        supervised.listener.getsockname()


def test_after_a_native_crash_there_is_another(make: Make, tmp_path: Path) -> None:
    supervised = make("ready()\nif number < 3: crash()\nuntil_signal()")
    assert supervised.run(kill_when(tmp_path / "waiting")) == 0
    assert starts(tmp_path) == 4
    assert supervised.complaints == ["The server crashed (SIGSEGV); starting another."] * 3
    assert len(supervised.said) == 1


def test_a_server_that_was_ready_is_followed_however_often_it_crashes(
    make: Make, tmp_path: Path
) -> None:
    times = supervisor.ATTEMPTS * 2
    supervised = make(f"ready()\nif number < {times}: os._exit(3)\nuntil_signal()")
    assert supervised.run(kill_when(tmp_path / "waiting")) == 0
    assert (
        supervised.complaints == ["The server crashed (exit status 3); starting another."] * times
    )


def test_one_that_never_gets_ready_is_given_up(make: Make, tmp_path: Path) -> None:
    supervised = make("crash()")
    with pytest.raises(UsageProblem, match=r"crashed 5 times before it was ready \(SIGSEGV\)"):
        supervised.run()
    assert starts(tmp_path) == 5
    assert supervised.said == []


def test_a_crash_at_the_start_is_forgotten_once_one_was_ready(make: Make, tmp_path: Path) -> None:
    supervised = make(
        """
        if number % 4 != 3 and number < 8: crash()
        ready()
        if number < 8: crash()
        until_signal()
        """
    )
    assert supervised.run(kill_when(tmp_path / "waiting")) == 0
    assert starts(tmp_path) == 9


def test_what_a_user_has_to_mend_is_not_tried_again(make: Make, tmp_path: Path) -> None:
    supervised = make("sys.exit(2)")
    assert supervised.run() == 2
    assert starts(tmp_path) == 1
    assert supervised.complaints == []


def test_an_end_that_lost_something_is_told(make: Make, tmp_path: Path) -> None:
    supervised = make(
        """
        ready()
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
        (here / "waiting").touch()
        while True: time.sleep(0.01)
        """
    )
    assert supervised.run(kill_when(tmp_path / "waiting")) == 1


def test_a_second_signal_kills(make: Make, tmp_path: Path) -> None:
    supervised = make(
        """
        signal.signal(signal.SIGTERM, lambda *_: (here / "heard").touch())
        ready()
        (here / "waiting").touch()
        while True: time.sleep(0.01)
        """
    )

    def twice() -> None:
        kill_when(tmp_path / "waiting")()
        kill_when(tmp_path / "heard")()

    assert supervised.run(twice) == 1


def test_one_that_does_not_end_is_killed(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "END_SECONDS", 0.1)
    supervised = make(
        """
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        ready()
        (here / "waiting").touch()
        while True: time.sleep(0.01)
        """,
        drain_seconds=0,
    )
    assert supervised.run(kill_when(tmp_path / "waiting")) == 1


def test_a_signal_while_a_server_starts_ends_it(make: Make, tmp_path: Path) -> None:
    supervised = make('(here / "waiting").touch(); time.sleep(60)')
    assert supervised.run(kill_when(tmp_path / "waiting")) == 0
    assert supervised.said == []


def test_a_signal_between_two_servers_ends_it_too(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "STEADY_SECONDS", 60.0)
    supervised = make('ready(); (here / "waiting").touch()')
    between = kill_when(tmp_path / "waiting", noticed=lambda: supervised.complaints)
    assert supervised.run(between) == 0
    assert starts(tmp_path) == 1


def test_connections_wait_while_one_server_follows_another(make: Make, tmp_path: Path) -> None:
    supervised = make(
        """
        import socket
        listener = socket.socket(fileno=int(chosen.listener))
        ready()
        (here / "waiting").touch()
        if number == 0:
            while not (here / "asked").exists(): time.sleep(0.01)
            crash()
        connection, _ = listener.accept()
        connection.sendall(b"answer of the second")
        connection.close()
        until_signal()
        """
    )
    answers: list[bytes] = []

    def ask() -> None:
        wait_for(tmp_path / "waiting")
        with socket.create_connection(supervised.listener.getsockname(), 30) as connection:
            (tmp_path / "asked").touch()
            answers.append(connection.recv(100))
        os.kill(os.getpid(), signal.SIGTERM)

    assert supervised.run(ask) == 0
    assert answers == [b"answer of the second"]


PARENT = """
import sys
from slimbench.webapp.supervisor import listen
from slimbench.webapp.settings import Settings
from slimbench.webapp.supervisor import Supervisor
settings = Settings(port=0)
command = (sys.executable, "-c", sys.argv[1])
Supervisor(settings, listen(settings), print, print, command).run()
"""


def test_a_server_does_not_outlive_its_supervisor(tmp_path: Path) -> None:
    body = """
from slimbench.exit_with_parent import end_with_parent
end_with_parent()
ready()
(here / "pid").write_text(str(os.getpid()))
(here / "waiting").touch()
while True: time.sleep(0.01)
"""
    program = SERVER.format(here=str(tmp_path), body=body)
    parent = subprocess.Popen([sys.executable, "-c", PARENT, program], stdout=subprocess.DEVNULL)
    wait_for(tmp_path / "waiting")
    child = int((tmp_path / "pid").read_text())
    parent.kill()
    parent.wait()
    deadline = time.monotonic() + 30
    while _lives(child):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _lives(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
