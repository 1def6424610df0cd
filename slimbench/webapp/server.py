"""One process that serves: from a socket that listens to the last answer after a signal.

Started by the supervisor as `python -m slimbench.webapp.server`, with the socket and the settings
handed over. What it does not need is not imported, so that it is ready in a second or so.
"""

from __future__ import annotations

import argparse
import dataclasses
import faulthandler
import os
import resource
import signal
import socket
import sys
import threading
from collections.abc import Callable, Sequence

from slimbench.datasets.photos.decoding import expect_large_images
from slimbench.errors import UsageProblem
from slimbench.exit_with_parent import end_with_parent
from slimbench.webapp import logs
from slimbench.webapp.app import create_app
from slimbench.webapp.http_server import Server
from slimbench.webapp.inference import Serving, open_service
from slimbench.webapp.manifest import DEFAULT, Models, read_manifest
from slimbench.webapp.settings import LEAST_CONNECTIONS, Settings, from_json

USAGE = 2
"""Exit status where what was asked for cannot be served, as of every subcommand."""

UNFINISHED = 1
"""Exit status where finishing what was accepted took too long."""

READY = b"1"
"""What is written to the descriptor on which the supervisor waits."""

SPARE_FILES = 64
"""Descriptors for everything but connections."""


class Life:
    """One server from its start to its end.

    Args:
        settings: what is served, and how much at once.
        listener: a socket that listens; it is closed in the end.
        on_ready: called once, from another thread, when pictures are taken.
    """

    def __init__(
        self, settings: Settings, listener: socket.socket, on_ready: Callable[[], None]
    ) -> None:
        self._settings = settings
        self._on_ready = on_ready
        self._service = _open(settings)
        self._server = Server(create_app(settings, self._service), settings, listener)
        self._asked = threading.Event()
        self._drained = True
        self._problem: UsageProblem | None = None

    def stop(self, *_: object) -> None:
        """Begin to end, as on a signal; asked twice, end at once."""
        if self._asked.is_set():
            os._exit(UNFINISHED)
        self._asked.set()

    def run(self) -> bool:
        """Serve until `stop`; returns whether all that was accepted has been answered.

        Raises:
            UsageProblem: The model cannot be served.
        """
        for work in (self._warm_up, self._drain):
            threading.Thread(target=work, daemon=True).start()
        whole = self._server.run() and self._drained
        if self._problem is not None:
            raise self._problem
        self._service.close()
        logs.say("Ended.", unfinished=not whole)
        return whole

    def _warm_up(self) -> None:
        try:
            self._service.wait_until_ready()
        except UsageProblem as problem:
            self._problem = problem
            self._server.stop()
            return
        logs.say("Ready.", **_served(self._service))
        self._on_ready()

    def _drain(self) -> None:
        self._asked.wait()
        self._server.drain()
        logs.say("Ending: what was accepted is finished, nothing new is taken.")
        self._drained = self._service.drain(self._settings.drain_seconds)
        self._server.stop()


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve as the supervisor says; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m slimbench.webapp.server")
    parser.add_argument("--settings", type=from_json, required=True)
    parser.add_argument("--listener", type=int, required=True, help="descriptor of the socket")
    parser.add_argument("--ready", type=int, required=True, help="descriptor to tell on")
    chosen = parser.parse_args(arguments)
    faulthandler.enable()
    logs.configure()
    expect_large_images()
    end_with_parent()
    settings = with_files(chosen.settings)
    try:
        life = Life(
            settings,
            socket.socket(fileno=chosen.listener),
            lambda: _tell(chosen.ready),
        )
        signal.signal(signal.SIGTERM, life.stop)
        signal.signal(signal.SIGINT, life.stop)
        if not life.run():
            os._exit(UNFINISHED)  # what keeps a thread busy would keep the process
        return 0
    except UsageProblem as problem:
        print(f"slimbench serve: {problem}", file=sys.stderr)  # noqa: T201 - a user's to mend
        return USAGE


def _open(settings: Settings) -> Serving:
    return open_service(
        _models(settings),
        workers=settings.workers,
        queue=settings.queue,
        batching=settings.batching,
        batch=settings.batch,
        wait=False,
    )


def _models(settings: Settings) -> Models:
    if settings.profile is None:
        return read_manifest(settings.manifest or DEFAULT)
    from slimbench.webapp.from_run import from_run  # noqa: PLC0415 - a manifest needs none of it

    return from_run(settings.profile, settings.variant, settings.results)


def _served(service: Serving) -> dict[str, object]:
    stable, canary = service.stable, service.canary
    return {
        "model": stable.name,
        "version": stable.version,
        "sha256": stable.sha256,
        "canary": None if canary is None else canary.version,
        "canary_problem": service.canary_problem,
    }


def _tell(ready: int) -> None:
    os.write(ready, READY)
    os.close(ready)


def with_files(settings: Settings) -> Settings:
    """Allow a file for each connection, or no more connections than the system allows files."""
    wanted = settings.connections + SPARE_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return settings
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    return dataclasses.replace(settings, connections=max(LEAST_CONNECTIONS, allowed - SPARE_FILES))


if __name__ == "__main__":
    sys.exit(main())
