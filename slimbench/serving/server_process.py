"""A server as a process of its own: started, waited for, weighed and ended."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from slimbench.measurement.startup import status_kib
from slimbench.paths import CODE
from slimbench.serving.messages import HOST, get
from slimbench.serving.wire import parse

READY_S = 60.0
"""How long a server may take to be ready; one that imports TensorFlow takes ten seconds."""

POLL_S = 0.002
END_S = 10.0


class ServerFault(ValueError):
    """A server that did not start or is gone; the message says which and what it wrote last."""


@dataclass(slots=True)
class ServerProcess:
    """One server; `command` makes its command line for a port.

    It is ready when `ready_path` is answered with a status below 500. Its output goes to `log`.
    """

    name: str
    command: Callable[[int], Sequence[str]]
    ready_path: str
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    port: int = 0
    process: subprocess.Popen[bytes] | None = None
    deaths: int = 0
    """How often it was found dead."""

    def start(self) -> float:
        """Start it; returns the seconds from then until it was ready.

        Raises:
            ServerFault: It ended, or was not ready within a minute.
        """
        self.port = free_port()
        with self.log.open("ab") as log:
            began = time.perf_counter()
            self.process = subprocess.Popen(
                list(self.command(self.port)),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=CODE,
                env={**os.environ, **self.environment},
            )
        while time.perf_counter() - began < READY_S:
            status = ask(self.port, self.ready_path)
            if status is not None and status < 500:
                return time.perf_counter() - began
            if self.process.poll() is not None:
                raise ServerFault(f"{self.name} did not start: {self._ending()}")
            time.sleep(POLL_S)
        self.stop()
        raise ServerFault(f"{self.name} was not ready within {READY_S:g} s: {self._ending()}")

    def ensure(self) -> None:
        """Start it again where it died, which is counted."""
        if self.process is not None and self.process.poll() is None:
            return
        if self.process is not None:
            self.deaths += 1
        self.start()

    @property
    def is_alive(self) -> bool:
        """Whether the process runs."""
        return self.process is not None and self.process.poll() is None

    def resident_mib(self) -> float | None:
        """Return its VmRSS in MiB; None where there is no /proc, or the process is gone."""
        if self.process is None:
            return None
        try:
            status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
            return status_kib(status, "VmRSS") / 1024
        except (OSError, KeyError):
            return None

    def stop(self) -> None:
        """End it, kindly at first."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(END_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.process.wait()

    def _ending(self) -> str:
        code = None if self.process is None else self.process.poll()
        text = self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        wrote = lines[-1] if lines else "it wrote no message"
        return wrote if code is None else f"{how_it_ended(code)}; {wrote}"


def how_it_ended(code: int) -> str:
    """Say how a process ended, by its exit status as `subprocess` has it."""
    if code < 0:
        with contextlib.suppress(ValueError):
            return f"ended by {signal.Signals(-code).name}"
    return f"exit status {code}"


@contextlib.contextmanager
def started(server: ServerProcess) -> Iterator[float]:
    """Run a server for the block; gives the seconds that it took to be ready."""
    try:
        yield server.start()
    finally:
        server.stop()


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def ask(port: int, path: str, limit_s: float = 5.0) -> int | None:
    """Return the status that a path is answered with; None where nobody answers."""
    answer = fetch(port, path, limit_s)
    return None if answer is None else answer[0]


def fetch(port: int, path: str, limit_s: float = 5.0) -> tuple[int, bytes] | None:
    """Return the status and body that a path is answered with; None where nobody answers."""
    return exchange(port, get(path), limit_s)


def exchange(port: int, request: bytes, limit_s: float = 5.0) -> tuple[int, bytes] | None:
    """Send a request over a new connection; returns status and body, None without an answer."""
    received = bytearray()
    ended = False
    try:
        with socket.create_connection((HOST, port), limit_s) as connection:
            connection.sendall(request)
            while not ended:
                part = connection.recv(65536)
                received += part
                ended = not part
                answer = parse(received, ended=ended)
                if answer is not None:
                    return answer[0], answer[1]
    except (OSError, ValueError):
        return None
    return None
