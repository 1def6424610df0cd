"""Keeps a server alive: whatever ends its process, a bug of a native library too, another begins.

The supervisor holds the socket, so that while one process follows another connections wait and are
not refused. It imports nothing that could crash.
"""

from __future__ import annotations

import errno
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from types import FrameType

from slimbench.child_process import exit_words
from slimbench.errors import UsageProblem
from slimbench.paths import CODE
from slimbench.webapp.settings import Settings

USAGE = 2
"""Exit status of a server that cannot serve what was asked for: another would not either."""

ATTEMPTS = 5
"""Crashes in a row before a server was ready, after which no other is started."""

PAUSE_SECONDS = 0.5
"""After the second such crash; doubled after each further one. The first costs no time."""

STEADY_SECONDS = 1.0
"""A server that was ready and crashed sooner after its start is followed no sooner than that."""

END_SECONDS = 5.0
"""What a server has, beyond its time to drain, before it is killed."""


class Supervisor:
    """Runs one server after the other until a signal ends it.

    Args:
        settings: of the server.
        listener: a socket that listens.
        announce: called with a sentence for the user: where the server is, once it is ready.
        complain: called with a sentence each time that it crashed.
        command: what runs a server, before its arguments.
    """

    def __init__(
        self,
        settings: Settings,
        listener: socket.socket,
        announce: Callable[[str], None],
        complain: Callable[[str], None],
        command: Sequence[str] = (sys.executable, "-m", "slimbench.webapp.server"),
    ) -> None:
        self._settings = settings
        self._listener = listener
        self._address = address(listener)
        self._announce = announce
        self._complain = complain
        self._command = command
        self._stopping = False
        self._child: subprocess.Popen[bytes] | None = None
        self._announced = False

    def run(self) -> int:
        """Serve; returns the exit status. To be called in the main thread.

        0 after a signal, if all that was accepted was answered; else the server's own.

        Raises:
            UsageProblem: No server got as far as being ready, `ATTEMPTS` times in a row.
        """
        before = {each: signal.signal(each, self._stop) for each in (signal.SIGTERM, signal.SIGINT)}
        try:
            return self._keep_alive()
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)
            self._listener.close()

    def _keep_alive(self) -> int:
        failures = 0
        while not self._is_stopping():
            begun = time.monotonic()
            was_ready, status = self._one()
            if self._is_stopping():
                return 0 if status in {0, -signal.SIGTERM} else 1
            if status == USAGE and not was_ready:
                return USAGE
            failures = 0 if was_ready else failures + 1
            if failures == ATTEMPTS:
                raise UsageProblem(
                    f"The server crashed {ATTEMPTS} times before it was ready "
                    f"({exit_words(status)}); what it said is above. Nothing is served."
                )
            self._complain(f"The server crashed ({exit_words(status)}); starting another.")
            self._pause(failures, time.monotonic() - begun)
        return 0

    def _one(self) -> tuple[bool, int]:
        """Run a server to its end; returns whether it was ready, and its status."""
        ready, tell = os.pipe()
        arguments = (
            f"--settings={self._settings.as_json()}",
            f"--listener={self._listener.fileno()}",
            f"--ready={tell}",
        )
        try:
            child = subprocess.Popen(
                [*self._command, *arguments],
                stdin=subprocess.PIPE,  # closes, and so ends the child, when this process is gone
                pass_fds=(self._listener.fileno(), tell),
                start_new_session=True,  # so that Ctrl-C comes to this process alone
                env={**os.environ, "PYTHONPATH": _path()},
            )
        finally:
            os.close(tell)
        self._child = child
        if self._stopping:  # a signal came while there was no child yet to pass it on to
            self._end(child)
        with os.fdopen(ready, "rb") as told:
            was_ready = bool(told.read(1))
        if was_ready and not self._announced and not self._stopping:
            self._announced = True
            self._announce(f"Serving at {self._address} (Ctrl-C ends it).")
        status = child.wait()
        if child.stdin is not None:
            child.stdin.close()
        self._child = None
        return was_ready, status

    def _is_stopping(self) -> bool:
        return self._stopping  # which a signal's handler sets between any two lines

    def _stop(self, _: int, __: FrameType | None) -> None:
        """Pass a signal on; the second, or patience that ends, kills."""
        child = self._child
        if self._stopping:
            if child is not None:
                child.kill()
            return
        self._stopping = True
        if child is not None:
            self._end(child)

    def _end(self, child: subprocess.Popen[bytes]) -> None:
        self._listener.close()  # the server has its own, and closes it when it is done
        child.terminate()
        timer = threading.Timer(self._settings.drain_seconds + END_SECONDS, child.kill)
        timer.daemon = True
        timer.start()

    def _pause(self, failures: int, lived: float) -> None:
        seconds = max(0.0, STEADY_SECONDS - lived) if failures == 0 else 0.0
        if failures > 1:
            seconds = PAUSE_SECONDS * 2 ** (failures - 2)
        end = time.monotonic() + seconds
        while not self._stopping and (left := end - time.monotonic()) > 0:
            time.sleep(min(left, 0.05))


def _path() -> str:
    """Return where the server finds the checkout, wherever it was started from."""
    given = os.environ.get("PYTHONPATH")
    return f"{CODE}{os.pathsep}{given}" if given else str(CODE)


def listen(settings: Settings) -> socket.socket:
    """Return a socket that listens where the settings say.

    Raises:
        UsageProblem: It cannot be had; says why, and what to choose.
    """
    try:
        found = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise UsageProblem(
            f"There is no address {settings.host!r}; choose another with --host."
        ) from None
    family, kind, protocol, _, where = found[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(where)
        listener.listen(settings.connections)
    except OSError as error:
        listener.close()
        raise UsageProblem(_cannot(settings, error)) from None
    return listener


def address(listener: socket.socket) -> str:
    """Return where a browser finds a socket."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _cannot(settings: Settings, error: OSError) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            return (
                f"Port {settings.port} of {settings.host} is taken by another program; choose "
                "another with --port (PORT= of make), or 0 for any that is free."
            )
        case errno.EACCES:
            return (
                f"Port {settings.port} is for the system's own programs; choose one above 1023 "
                "with --port (PORT= of make)."
            )
        case errno.EADDRNOTAVAIL:
            return f"{settings.host} is no address of this machine; choose another with --host."
        case _:
            return f"Cannot serve at port {settings.port} of {settings.host}: {error.strerror}."
