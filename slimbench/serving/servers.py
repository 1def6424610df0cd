"""The compared servers, each a process of its own: command lines, start, memory and end."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from slimbench.child_process import ending, exit_words
from slimbench.measurement.startup import status_kib
from slimbench.paths import CODE
from slimbench.serving.figures import BATCHING, LOCKED, PLAIN, TUTORIAL
from slimbench.serving.http_client import exchange, fetch_status
from slimbench.serving.messages import HOST, PredictionRequests, Scores, agrees
from slimbench.spec import PixelMode

OURS = (PLAIN, BATCHING)

READY_S = 60.0
"""How long a server may take to be ready; one that imports TensorFlow takes ten seconds."""

POLL_S = 0.002
END_S = 10.0

COMPARED_KEYS = ("predictions", "all_scores", "model")
"""The keys of a response that have to be the same however busy a server is."""


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
            status = fetch_status(self.port, self.ready_path)
            if status is not None and status < 500:
                return time.perf_counter() - began
            if self.process.poll() is not None:
                raise ServerFault(f"{self.name} did not start: {self._ending()}")
            time.sleep(POLL_S)
        self.stop()
        raise ServerFault(f"{self.name} was not ready within {READY_S:g} s: {self._ending()}")

    def ensure(self) -> None:
        """Start it again where it died, which is counted."""
        if self.is_alive:
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
        """End it, by SIGTERM at first."""
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
        return ending("still running" if code is None else exit_words(code), text)


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


def serial_responses(server: ServerProcess, asked: PredictionRequests) -> tuple[Any, ...]:
    """Return a server's responses to requests that are sent one at a time.

    Raises:
        ServerFault: A response is missing, or is not what the model gives on the engine.
    """
    return tuple(
        _checked_response(server, request, scores)
        for request, scores in zip(asked.requests, asked.scores, strict=True)
    )


def _checked_response(server: ServerProcess, request: bytes, scores: Scores) -> dict[str, Any]:
    reply = exchange(server.port, request)
    if reply is None or reply[0] != 200:
        what = "nothing" if reply is None else f"status {reply[0]}: {reply[1][:200]!r}"
        raise ServerFault(f"{server.name} answered a single request with {what}")
    response = json.loads(reply[1])
    best = response["predictions"][0]
    right = agrees(response["all_scores"], [float(score) for score in scores])
    if not right or not agrees(best["score"], float(scores.max())):
        raise ServerFault(
            f"{server.name} does not give the model's scores: {response['all_scores']} in place of "
            f"{scores.tolist()}"
        )
    return {key: response[key] for key in COMPARED_KEYS if key in response}


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A model file, what it expects of pixels, and the shape of its input without the batch."""

    file: Path
    pixels: PixelMode
    shape: tuple[int, ...]


def compared_servers(model: ServedModel, folder: Path) -> dict[str, ServerProcess]:
    """Return all servers by name, none of them started; `folder` takes their output."""
    return {
        PLAIN: _server(PLAIN, _ours(model), "/readyz", folder),
        BATCHING: _server(BATCHING, _ours(model, "--batching"), "/readyz", folder),
        TUTORIAL: _server(TUTORIAL, _tutorial(model), "/", folder),
        LOCKED: _server(LOCKED, _tutorial(model, "--lock"), "/", folder),
    }


def with_tensorflow(model: ServedModel, folder: Path) -> ServerProcess | None:
    """Return our server with TensorFlow imported; None where it is not installed."""
    if importlib.util.find_spec("tensorflow") is None:
        return None
    return _server("with_tensorflow", _ours(model, "--with-tensorflow"), "/readyz", folder)


def command_line(folder: Path) -> ServerProcess:
    """Return `slimbench serve`, supervisor and all, with the model that comes with the project."""

    def command(port: int) -> Sequence[str]:
        return [sys.executable, "-m", "slimbench.cli", "serve", "--port", str(port)]

    return _server("slimbench serve", command, "/readyz", folder)


def _server(
    name: str, command: Callable[[int], Sequence[str]], ready: str, folder: Path
) -> ServerProcess:
    log = folder / f"{name.replace(' ', '_')}.log"
    return ServerProcess(name, command, ready, log, {"TF_CPP_MIN_LOG_LEVEL": "3"})


def _ours(model: ServedModel, *options: str) -> Callable[[int], Sequence[str]]:
    shape = [str(extent) for extent in model.shape]
    return _module("slimbench.webapp.one_model", model, "--shape", *shape, *options)


def _tutorial(model: ServedModel, *options: str) -> Callable[[int], Sequence[str]]:
    return _module("slimbench.serving.tutorial", model, *options)


def _module(name: str, model: ServedModel, *options: str) -> Callable[[int], Sequence[str]]:
    def command(port: int) -> Sequence[str]:
        # "=" since one of the pixel modes begins with a dash
        chosen = [f"--pixels={model.pixels}", "--port", str(port), *options]
        return [sys.executable, "-m", name, str(model.file.absolute()), *chosen]

    return command
