"""Loaded by every Python of a run under test: notes what it imports and its peak memory.

Each fact is one JSON line appended to the file that SLIMBENCH_TEST_WITNESS names, so that child
processes, which inherit the environment, are covered as well.
"""

from __future__ import annotations

import atexit
import json
import os
import sys
from pathlib import Path
from typing import Any

WITNESS = Path(os.environ["SLIMBENCH_TEST_WITNESS"])
STATUS = Path("/proc/self/status")

_seen: set[str] = set()


def _note(**fact: object) -> None:
    line = json.dumps({"program": sys.orig_argv[1:4], "pid": os.getpid(), **fact}) + "\n"
    with WITNESS.open("a", encoding="utf-8") as file:
        file.write(line)


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "import":
        package = str(arguments[0]).partition(".")[0]
        if package not in _seen:
            _seen.add(package)
            if "tensorflow" in package or "keras" in package:
                _note(imports=package)


def _note_peak() -> None:
    for line in STATUS.read_text().splitlines():
        if line.startswith("VmHWM:"):
            _note(peak_kib=int(line.split()[1]))


sys.addaudithook(_watch)
if STATUS.exists():
    atexit.register(_note_peak)
