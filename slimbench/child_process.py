"""Child processes: how they are started, what they report, and how they ended."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from slimbench.paths import CODE

Event = dict[str, Any]
"""What a child reports; `event` names it."""

DIED: Event = {"event": "died"}
"""Stands for the report of a child that ended without an event `end`."""

SECONDS_TO_EXIT = 5.0
"""How long a child that has closed its output may take to exit."""


def python_module(name: str, *arguments: str) -> list[str]:
    """Return the command line that runs a module with this Python."""
    return [sys.executable, "-m", name, *arguments]


def exit_words(status: int) -> str:
    """Name an exit status as `subprocess` has it: `exit status 3`, or the signal of a negative one.

    The runtime crashes on damaged files, and a signal's name says how.
    """
    if status >= 0:
        return f"exit status {status}"
    try:
        return signal.Signals(-status).name
    except ValueError:
        return f"signal {-status}"


def ending(what: str, errors: str) -> str:
    """Say how a process ended, with the last line of its standard error where it has one."""
    lines = [line.strip() for line in errors.splitlines() if line.strip()]
    # LiteRT's own line about its delegate says nothing about the fault.
    last_lines = [line for line in lines if not line.startswith("INFO:")][-1:]
    return "; its last line: ".join([what, *last_lines])


@dataclass(frozen=True, slots=True)
class Finished:
    """A process that ran to its end; `status` is None if it was killed at the time limit.

    `ending` says how it ended: `SIGSEGV; its last line: out of memory`.
    """

    status: int | None
    output: str
    ending: str


def run(
    command: Sequence[str],
    limit_s: float,
    *,
    folder: Path = CODE,
    environment: Mapping[str, str] | None = None,
) -> Finished:
    """Run a command to its end, for at most `limit_s` seconds, with nothing on standard input."""
    try:
        done = subprocess.run(
            list(command),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            cwd=folder,
            env=environment,
            timeout=limit_s,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        what = f"no answer within {limit_s:g} s"
        return Finished(None, _decoded(error.stdout), ending(what, _decoded(error.stderr)))
    how = ending(exit_words(done.returncode), _decoded(done.stderr))
    return Finished(done.returncode, _decoded(done.stdout), how)


def _decoded(output: bytes | None) -> str:
    return (output or b"").decode(errors="replace")


class Child:
    """A process in a group of its own that reports events, one JSON object a line.

    They reach `report` from a thread; the last is `DIED` unless it was `end`. Standard error is
    added to `log`, or kept for `ending`. Whatever happens, `end` has to be called.
    """

    def __init__(
        self, command: Sequence[str], report: Callable[[Event], None], log: Path | None = None
    ) -> None:
        """Start it; raises OSError where the command cannot be run."""
        self._report = report
        self._errors: IO[bytes] = log.open("ab+") if log else tempfile.TemporaryFile()  # noqa: SIM115
        try:
            self._process = subprocess.Popen(
                list(command),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                cwd=CODE,
                start_new_session=True,
            )
        except OSError:
            self._errors.close()
            raise
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def send(self, data: bytes) -> None:
        """Write to its standard input, which stays open: a child leaves when that closes."""
        if self._process.stdin is None:
            raise RuntimeError("The child was started without its pipes.")
        with contextlib.suppress(BrokenPipeError):  # it died at once; its events end then
            self._process.stdin.write(data)
            self._process.stdin.flush()

    def ending(self) -> str:
        """Say how a child that has reported `DIED` ended, with the last line that it wrote."""
        try:
            status = self._process.wait(timeout=SECONDS_TO_EXIT)
        except subprocess.TimeoutExpired:
            return "it closed its output and went on"
        self._errors.seek(0)
        return ending(exit_words(status), self._errors.read().decode(errors="replace"))

    def end(self) -> None:
        """Kill it, with all that it started, where it still runs, and close its pipes."""
        if self._process.poll() is None:
            if os.name == "posix":
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self._process.pid, signal.SIGKILL)
            else:
                self._process.kill()
        self._process.wait()
        self._reader.join()
        for file in (self._process.stdin, self._errors):
            if file is not None:
                with contextlib.suppress(BrokenPipeError):
                    file.close()

    def _read(self) -> None:
        """Report every event; a line that is none, such as one cut off by death, is left out."""
        if self._process.stdout is None:
            raise RuntimeError("The child was started without its pipes.")
        event: Event = {}
        with self._process.stdout as lines:
            for line in lines:
                with contextlib.suppress(ValueError):
                    content = json.loads(line)
                    if isinstance(content, dict) and "event" in content:
                        event = content
                        self._report(event)
        if event.get("event") != "end":
            self._report(DIED)
