"""An environment with a runtime of its own, in which one side of a comparison is timed.

It holds the runtime and numpy; the code that times comes from this checkout, for both sides the
same. Nothing of it is believed before it was tried.
"""

from __future__ import annotations

import os
import queue
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from slimbench.errors import UsageProblem
from slimbench.gate.child import Child

PYTHONS = ("bin/python", "bin/python3", "Scripts/python.exe", "python.exe")
"""Where an environment has its Python, in its folder."""

START = Path(__file__).with_name("entry_point.py")
SIDE_WORKER = "slimbench.gate.side_worker"


@dataclass(frozen=True, slots=True)
class Environment:
    """A Python that has a runtime; `versions` are by distribution."""

    python: Path
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def command(self) -> tuple[str, ...]:
        """What starts the process of one side in it, whatever PYTHONPATH says."""
        return (str(self.python), "-I", str(START), SIDE_WORKER)


HERE = Environment(Path(sys.executable))
"""This environment."""


def find(where: Path, engines: Mapping[str, str], limit_s: float) -> Environment:
    """Return the environment that a folder or a Python stands for, tried out.

    Args:
        where: the folder of a virtual environment, or its Python.
        engines: those that it has to run, each with the distribution it depends on.
        limit_s: how long it may take to import them.

    Raises:
        UsageProblem: There is none, its Python does not run, or it cannot import an engine.
    """
    python = _python(where)
    needed = " and ".join(sorted(set(engines.values())))
    mend = f"Name an environment that holds {needed} and numpy, or its Python."
    try:
        child = Child(Environment(python).command)
    except OSError as error:
        raise UsageProblem(f"{python} cannot be run: {error.strerror}. {mend}") from error
    with child:
        child.tell(
            {
                "order": "begin",
                "engines": sorted(engines),
                "distributions": sorted(set(engines.values())),
                "limit_s": limit_s,
            }
        )
        try:
            event = child.event(limit_s)
        except queue.Empty:
            raise UsageProblem(f"{python} answered nothing for {limit_s:g} s. {mend}") from None
        if event["event"] == "refused":
            raise UsageProblem(f"{python} cannot time the baseline: {event['reason']}. {mend}")
        if event["event"] != "begin":
            raise UsageProblem(f"{python} cannot time the baseline: {child.ending()}. {mend}")
    return Environment(python, event["versions"])


def _python(where: Path) -> Path:
    """Return the Python itself: a link to it is what makes it that of its environment."""
    where = where.absolute()
    if where.is_dir():
        found = next((where / name for name in PYTHONS if (where / name).is_file()), None)
        if found is None:
            raise UsageProblem(
                f"{where} is no virtual environment: it has no {PYTHONS[0]}. Make one with "
                f"python -m venv {where}."
            )
        where = found
    if not where.is_file():
        raise UsageProblem(f"There is no environment {where}. Name its folder, or its Python.")
    if not os.access(where, os.X_OK):
        raise UsageProblem(f"{where} cannot be run. Name an environment's folder, or its Python.")
    return where
