"""The process in which steps run: it imports their toolchain, works through a list, and ends.

Started by `slimbench.build.scheduler` as `python -m slimbench.build.worker`. It reads the jobs from
standard input, reports on standard output in JSON lines, and sends everything that TensorFlow and
the converters print to a log file. When its parent goes away, so does it.
"""

from __future__ import annotations

import contextlib
import errno
import importlib
import json
import os
import pickle
import re
import shutil
import sys
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from slimbench.build import recipe
from slimbench.build.store import Store
from slimbench.environment import default_keras
from slimbench.errors import DamagedCheckpoint, Unavailable, UsageProblem
from slimbench.exit_with_parent import end_with_parent
from slimbench.spec import Step, Toolchain, Workplace

TOOLCHAIN_MODULES: dict[Toolchain, tuple[str, ...]] = {
    "plain": (),
    "tensorflow": ("slimbench.networks", "tensorflow", "tf_keras"),
    "quantizer": ("litert_quantizer",),
}
"""What each toolchain imports before its first step, so that the import is timed by itself."""

RESULT_VARIABLES = ("KERAS_", "TF_", "XLA_")
"""What the names of variables begin with that may change what TensorFlow and Keras compute."""

REPORT_SECONDS = 0.2

_DISK_FULL = re.compile(r"No space left on device|\d+ requested and \d+ written")
"""How TensorFlow's and numpy's own writing say it, which carries no error number."""


@dataclass(frozen=True, slots=True)
class Job:
    """One step with the hashes of itself and its inputs.

    The parent hashed them: code that is edited while a build runs must not change its keys.
    """

    step: Step
    key: str
    input_keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Assignment:
    """What a child is told to do: jobs in an order in which inputs come first."""

    store: Path
    toolchain: Toolchain
    jobs: tuple[Job, ...]
    seed: int
    log: Path
    """Where the child's standard error goes, and with it all chatter."""


def main() -> None:
    """Run the assignment read from standard input."""
    report = _Report(os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8"))
    length = int.from_bytes(sys.stdin.buffer.read(8), "big")
    assignment: Assignment = pickle.loads(sys.stdin.buffer.read(length))  # noqa: S301 - our parent's
    end_with_parent()
    os.dup2(2, 1)  # standard error is the log file already
    sys.stdout = sys.stderr  # which writes at once: this process is killed when its work is done
    started = time.perf_counter()
    import_toolchain(assignment.toolchain)
    report("imported", seconds=time.perf_counter() - started)
    store = Store(assignment.store)
    unmade: set[str] = set()
    for job in assignment.jobs:
        if not unmade.isdisjoint(job.input_keys) or not _run(job, assignment.seed, store, report):
            unmade.add(job.key)
    report("end")


def import_toolchain(toolchain: Toolchain) -> None:
    """Import a toolchain for good in this process, without what the user set for it elsewhere.

    Variables and `keras.json` decide over data types, layouts and kernels, and no key holds them.
    """
    for name in [*os.environ]:
        if name.startswith(RESULT_VARIABLES) and name != "KERAS_HOME":
            del os.environ[name]
    if toolchain == "tensorflow":
        os.environ["TF_USE_LEGACY_KERAS"] = "1"
    with default_keras():
        for module in TOOLCHAIN_MODULES[toolchain]:
            importlib.import_module(module)


def _run(job: Job, seed: int, store: Store, report: _Report) -> bool:
    """Run one step under its lock, unless another has made it; tells if it is there."""
    step, key = job.step, job.key

    def notify(message: str) -> None:
        report("notice", message=message)

    report("start", key=key)
    started = time.perf_counter()
    try:
        with store.lock(key):
            if not store.has(key):
                inputs = []
                for input_key in job.input_keys:
                    artifact = store.find(input_key)
                    if artifact is None:
                        raise FileNotFoundError(f"its input {input_key[:12]} is not in the store")
                    inputs.append(artifact.folder)
                with (
                    store.resuming(key) as resume,
                    store.writing(key, step.title(), recipe.chain(step)) as folder,
                ):
                    run_resumed(
                        step, Workplace(tuple(inputs), folder, seed, report.advance, resume, notify)
                    )
    except Unavailable as error:
        report("unavailable", key=key, reason=str(error))
    except Exception as error:  # noqa: BLE001 - a step may fail in any way; the parent reports it
        with contextlib.suppress(OSError):  # a full disk has no room for it
            traceback.print_exc()
        report("failed", key=key, reason=_reason(error, store))
    else:
        report("done", key=key, seconds=time.perf_counter() - started)
        return True
    return False


def run_resumed(step: Step, place: Workplace) -> None:
    """Run a step; where what an interrupted run left is damaged, drop that and begin anew."""
    try:
        step.run(place)
    except DamagedCheckpoint as damage:
        place.notify(f"The checkpoint of {step.title()} is damaged ({damage}); it begins anew.")
        for folder in (place.out, place.resume):
            if folder is not None:
                shutil.rmtree(folder)
                folder.mkdir()
        step.run(place)


def _reason(error: Exception, store: Store) -> str:
    number = error.errno if isinstance(error, OSError) else None
    if number in (errno.ENOSPC, errno.EDQUOT) or _DISK_FULL.search(str(error)):
        return f"no space is left in the artifact store {store.root}"
    return str(error) if isinstance(error, UsageProblem) else f"{type(error).__name__}: {error}"


class _Report:
    """The events that the parent reads, one JSON object a line."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._last = 0.0

    def __call__(self, event: str, **details: Any) -> None:
        self._stream.write(json.dumps({"event": event, **details}) + "\n")
        self._stream.flush()

    def advance(self, done: float, total: float, note: str = "") -> None:
        """Report progress, not more often than a person can read."""
        now = time.monotonic()
        if now - self._last >= REPORT_SECONDS or done >= total:
            self._last = now
            self("advance", done=done, total=total, note=note)


if __name__ == "__main__":
    main()
