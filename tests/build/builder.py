"""A process that builds the steps it is given, for tests that kill it: a pickle on stdin."""

from __future__ import annotations

import pickle
import signal
import subprocess
import sys
from pathlib import Path

from slimbench.build.scheduler import build
from slimbench.build.store import Artifact, Store
from slimbench.paths import CODE
from slimbench.spec import Step
from tests.build.recorder import SEED, Recorder


def start(store: Store, *targets: Step) -> subprocess.Popen[bytes]:
    """Start a process that builds; its first line says that it begins, later ones what it got."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.build.builder"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=CODE,
    )
    assert process.stdin is not None
    process.stdin.write(pickle.dumps((store.root, targets)))
    process.stdin.close()
    process.stdin = None  # for `communicate`
    return process


class Telling(Recorder):
    """Says on the terminal when a step starts."""

    def started(self, step: Step) -> None:
        sys.stdout.write(f"started {step.label()}\n")
        sys.stdout.flush()


def main() -> None:
    # A background job starts with Ctrl-C ignored; the tests send it on purpose.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    root, targets = pickle.loads(sys.stdin.buffer.read())  # noqa: S301 - the test's own
    outcome = build(targets, SEED, Store(Path(root)), Telling())
    for step, result in outcome.results.items():
        got = "stored" if isinstance(result, Artifact) else result.reason
        sys.stdout.write(f"{step.label()}: {got}\n")


if __name__ == "__main__":
    main()
