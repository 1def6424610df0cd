"""The suite as a user runs it: a process of its own, started from somewhere else."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from slimbench.paths import CODE

WITNESS = Path(__file__).with_name("witness")

WITHOUT_PLUGINS = "-p no:schemathesis -p no:hypothesispytest -p no:anyio"
"""Nobody who only runs the suite has these, and they take longer to load than the suite."""

PATIENCE = 300.0
"""Seconds after which a run under test hangs; it ends far earlier, whatever the machine."""


@dataclass(frozen=True)
class Done:
    status: int
    out: str
    err: str
    facts: list[dict[str, Any]]
    """What its processes noted; see `witness/sitecustomize.py`."""

    def importers(self) -> list[str]:
        """The programs that imported TensorFlow."""
        return [" ".join(fact["program"]) for fact in self.facts if "imports" in fact]

    def measuring_peak_kib(self) -> int:
        """The peak memory of the process that measured."""
        (peak,) = [
            fact["peak_kib"]
            for fact in self.facts
            if "peak_kib" in fact and fact["program"][:2] == ["-m", "pytest"]
        ]
        assert isinstance(peak, int)
        return peak


class Running:
    """A run under way, leader of a process group as under a shell with job control."""

    def __init__(self, command: list[str], folder: Path, environment: dict[str, str]) -> None:
        folder.mkdir()
        self._out, self._err = folder / "out", folder / "err"
        self._witness = folder / "witness"
        self._witness.touch()
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                cwd=folder.parent,
                env={**environment, "SLIMBENCH_TEST_WITNESS": str(self._witness)},
                start_new_session=True,
            )

    @property
    def out(self) -> str:
        return self._out.read_text(encoding="utf-8", errors="replace")

    def wait_until(self, reached: Callable[[], bool]) -> None:
        """Wait for something that this run does; fails where it ends or hangs without it."""
        deadline = time.monotonic() + PATIENCE
        while not reached():
            assert self._process.poll() is None, f"It ended too early:\n{self.out}"
            assert time.monotonic() < deadline, f"It hangs:\n{self.out}"
            time.sleep(0.02)

    def signal_group(self, number: signal.Signals) -> None:
        """Send a signal to the whole process group, as Ctrl-C and `kill -9 -PGID` do."""
        os.killpg(self._process.pid, number)

    def finish(self) -> Done:
        try:
            status = self._process.wait(PATIENCE)
        finally:
            self._process.kill()
        facts = [json.loads(line) for line in self._witness.read_text().splitlines()]
        return Done(status, self.out, self._err.read_text(errors="replace"), facts)


@dataclass(frozen=True)
class Suite:
    """Runs of the suite that share a store and a results folder; `home` is where they start."""

    home: Path
    store: Path
    results: Path
    plugins: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)

    def start(self, *arguments: str, profile: str = "quick") -> Running:
        """Start `pytest <checkout>/bench --profile=... ARGUMENTS`."""
        command = [sys.executable, "-m", "pytest", str(CODE / "bench"), "-q"]
        command += [f"--profile={profile}", f"--results={self.results}"]
        for plugin in self.plugins:
            command += ["-p", f"tests.end_to_end.plugins.{plugin}"]
        return self._start([*command, *arguments])

    def run(self, *arguments: str, profile: str = "quick") -> Done:
        """Run the suite to its end."""
        return self.start(*arguments, profile=profile).finish()

    def slimbench(self, *arguments: str) -> Done:
        """Run the `slimbench` command that is installed beside this Python."""
        return self._start([str(Path(sys.executable).with_name("slimbench")), *arguments]).finish()

    def histories(self) -> list[Path]:
        """The histories there are, oldest first."""
        return sorted(self.results.glob("*/[0-9]*.json"))

    def history(self) -> dict[str, Any]:
        """The newest history, as plain JSON."""
        document: dict[str, Any] = json.loads(self.histories()[-1].read_text(encoding="utf-8"))
        return document

    def processes(self) -> list[psutil.Process]:
        """Every process, of whatever parent, that was started for this store."""
        return [each for each in psutil.process_iter() if self._is_ours(each)]

    def is_quiet(self) -> bool:
        """Wait for children to notice that their parent is gone; tells whether they left."""
        deadline = time.monotonic() + 30
        while self.processes() and time.monotonic() < deadline:
            time.sleep(0.05)
        return not self.processes()

    def _is_ours(self, process: psutil.Process) -> bool:
        try:
            return process.environ().get("SLIMBENCH_STORE") == str(self.store)
        except (psutil.Error, OSError):
            return False

    def _start(self, command: list[str]) -> Running:
        number = len(list(self.home.glob("run-*")))
        return Running(command, self.home / f"run-{number}", self._environment())

    def _environment(self) -> dict[str, str]:
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PYTEST_", "SLIMBENCH_", "LC_", "LANG", "COV_"))
        }
        path = [str(WITNESS), *([str(CODE)] if self.plugins else [])]
        return {
            **kept,
            "LC_ALL": "C.UTF-8",
            "PYTHONPATH": os.pathsep.join(path),
            "PYTEST_ADDOPTS": WITHOUT_PLUGINS,
            "SLIMBENCH_STORE": str(self.store),
            **self.variables,
        }


def cases(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The `extra_info` of each entry of a history, by variant."""
    infos = [benchmark["extra_info"] for benchmark in document["benchmarks"]]
    return {info["variant"]: info for info in infos}
