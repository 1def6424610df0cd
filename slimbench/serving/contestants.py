"""The servers that are compared, as command lines."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from slimbench.serving.figures import BATCHING, LOCKED, PLAIN, TUTORIAL
from slimbench.serving.server_process import ServerProcess
from slimbench.spec import PixelMode

OURS = (PLAIN, BATCHING)


@dataclass(frozen=True, slots=True)
class Served:
    """A model file, what it expects of pixels, and the shape of its input without the batch."""

    file: Path
    pixels: PixelMode
    shape: tuple[int, ...]


def contestants(served: Served, folder: Path) -> dict[str, ServerProcess]:
    """Return all servers by name, none of them started; `folder` takes their output."""
    return {
        PLAIN: _server(PLAIN, _ours(served), "/readyz", folder),
        BATCHING: _server(BATCHING, _ours(served, "--batching"), "/readyz", folder),
        TUTORIAL: _server(TUTORIAL, _tutorial(served), "/", folder),
        LOCKED: _server(LOCKED, _tutorial(served, "--lock"), "/", folder),
    }


def with_tensorflow(served: Served, folder: Path) -> ServerProcess | None:
    """Return our server with TensorFlow imported; None where it is not installed."""
    if importlib.util.find_spec("tensorflow") is None:
        return None
    return _server("with_tensorflow", _ours(served, "--with-tensorflow"), "/readyz", folder)


def command_line(folder: Path) -> ServerProcess:
    """Return the real thing: `slimbench serve` with the model that comes with the project."""

    def command(port: int) -> Sequence[str]:
        return [sys.executable, "-m", "slimbench.cli", "serve", "--port", str(port)]

    return _server("slimbench serve", command, "/readyz", folder)


def _server(
    name: str, command: Callable[[int], Sequence[str]], ready: str, folder: Path
) -> ServerProcess:
    log = folder / f"{name.replace(' ', '_')}.log"
    return ServerProcess(name, command, ready, log, {"TF_CPP_MIN_LOG_LEVEL": "3"})


def _ours(served: Served, *options: str) -> Callable[[int], Sequence[str]]:
    shape = [str(extent) for extent in served.shape]
    return _module("slimbench.webapp.one_model", served, "--shape", *shape, *options)


def _tutorial(served: Served, *options: str) -> Callable[[int], Sequence[str]]:
    return _module("slimbench.serving.tutorial", served, *options)


def _module(name: str, served: Served, *options: str) -> Callable[[int], Sequence[str]]:
    def command(port: int) -> Sequence[str]:
        # "=" since one of the pixel modes begins with a dash
        chosen = [f"--pixels={served.pixels}", "--port", str(port), *options]
        return [sys.executable, "-m", name, str(served.file.absolute()), *chosen]

    return command
