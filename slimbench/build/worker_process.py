"""The parent's end of a child process in which steps run."""

from __future__ import annotations

import contextlib
import json
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

from slimbench.build.worker import Assignment
from slimbench.paths import CODE

Event = dict[str, Any]
"""What a child reports; `event` names it, and `died` is said for a child that no longer can."""


class Child:
    """A `slimbench.build.worker` with its assignment; its events reach `report` from a thread."""

    def __init__(self, assignment: Assignment, report: Callable[[Event], None]) -> None:
        """Start it."""
        self.log = assignment.log
        job = pickle.dumps(assignment)
        with assignment.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "slimbench.build.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=CODE,
                start_new_session=True,
            )
        threading.Thread(target=self._follow, args=(report,), daemon=True).start()
        if self._process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):  # it died at once; its events end then
                self._process.stdin.write(len(job).to_bytes(8, "big") + job)
                self._process.stdin.flush()

    def end(self) -> None:
        """Make sure that it is gone."""
        self._process.kill()
        self._process.wait()
        if self._process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()

    def _follow(self, report: Callable[[Event], None]) -> None:
        """Pass on each line; a child that ends without saying so has died."""
        if self._process.stdout is None:
            raise RuntimeError("The child was started without its pipes.")
        ended = False
        with self._process.stdout as lines:
            for line in lines:
                with contextlib.suppress(ValueError):  # a line cut off by its death
                    event: Event = json.loads(line)
                    ended = event["event"] == "end"
                    report(event)
        if not ended:
            report({"event": "died"})
