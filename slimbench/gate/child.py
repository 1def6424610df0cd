"""A process that times files, as its parent holds it: orders go in, events come out.

Whatever happens, a process that was started here is ended here, with all that it started.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from types import TracebackType
from typing import IO, Any

from slimbench.paths import CODE


class Child:
    """A worker in a process group of its own, which leaving the block ends."""

    def __init__(self, command: Sequence[str]) -> None:
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  (closed in __exit__)
        self._events: queue.Queue[dict[str, Any]] = queue.Queue()
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

    def __enter__(self) -> Child:
        self._reader.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()
        self._reader.join()
        for stream in (self._process.stdin, self._errors):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()

    def tell(self, order: dict[str, Any]) -> None:
        """Say what to do; the pipe stays open, since the worker leaves when it closes."""
        if self._process.stdin is None:
            raise RuntimeError("The process was started without its pipes.")
        with contextlib.suppress(BrokenPipeError):  # it died at once; its events end then
            self._process.stdin.write(json.dumps(order).encode() + b"\n")
            self._process.stdin.flush()

    def event(self, limit_s: float) -> dict[str, Any]:
        """Wait for the next event; raises queue.Empty after `limit_s` seconds."""
        return self._events.get(timeout=limit_s)

    def ending(self) -> str:
        """Say how it ended, and the last line that it wrote."""
        try:
            status = self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            return "it closed its output and went on"
        said = f"exit status {status}" if status >= 0 else _signal(-status)
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").split("\n")
        written = [line.strip() for line in lines if line.strip()]
        # The runtime's own line on its delegate says nothing about the fault.
        told = [line for line in written if not line.startswith("INFO:")]
        return f"{said}; its last line: {told[-1]}" if told else said

    def _read(self) -> None:
        """Queue every line; what is no event, such as a line cut off by death, is left out."""
        if self._process.stdout is None:
            raise RuntimeError("The process was started without its pipes.")
        with self._process.stdout as lines:
            for line in lines:
                with contextlib.suppress(ValueError):
                    event = json.loads(line)
                    if isinstance(event, dict) and "event" in event:
                        self._events.put(event)
        self._events.put({"event": "died"})

    def _end(self) -> None:
        """Let it leave by itself if it is about to, then end its whole group."""
        if self._process.poll() is None:
            if os.name == "posix":
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self._process.pid, signal.SIGKILL)
            else:
                self._process.kill()
        self._process.wait()


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
