"""The parent's end of the processes in which pairs are timed: one after the other, each watched.

A file that its runtime refuses, that hangs it or that takes it down is named and left out; the
others go on. Whatever happens, a process that was started here is ended here.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from types import TracebackType
from typing import IO, Any

from bench.errors import UsageProblem
from bench.places import CHECKOUT
from bench.spec import Advance, Case

WORKER = (sys.executable, "-m", "bench.gate.worker")


@dataclass(frozen=True, slots=True)
class Timed:
    """Two files to time against each other."""

    case: Case
    baseline: Path
    candidate: Path


@dataclass(frozen=True, slots=True)
class Paired:
    """One metric of both sides in one process; `log_ratio` is log(candidate / baseline)."""

    baseline: float
    candidate: float
    log_ratio: float


Reading = dict[str, Paired]
"""What one process read of a pair, by metric; a metric that could not be read is not in it."""


@dataclass(frozen=True, slots=True)
class Broken:
    """A pair that could not be timed, and which file's fault it is."""

    reason: str


Readings = tuple[Reading, ...] | Broken
"""What all processes read of a pair, in their order."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How long is measured, in one process: rounds of a pair last `pair_seconds` or longer.

    `limit_s` is how long a process may be silent: loading one file, or one round, is within it.
    """

    block_seconds: float = 0.015
    pair_seconds: float = 0.4
    rounds: int = 4
    limit_s: float = 60.0


@dataclass(frozen=True, slots=True)
class Timer:
    """Times pairs in fresh processes; `rng` gives each its seed."""

    effort: Effort = Effort()
    rng: Random = field(default_factory=Random)
    command: Sequence[str] = WORKER

    def __call__(self, pairs: Sequence[Timed], processes: int, advance: Advance) -> list[Readings]:
        """Time all pairs in each of `processes` processes, sides loaded in alternating order.

        Raises:
            UsageProblem: A process ended before it came to any file.
        """
        found: list[list[Reading]] = [[] for _ in pairs]
        broken: dict[int, Broken] = {}
        done = 0
        while done < processes and len(broken) < len(pairs):
            sound = [index for index in range(len(pairs)) if index not in broken]
            advance(done, processes)
            outcome = self._one([pairs[index] for index in sound], bool(done % 2))
            if isinstance(outcome, _Fault):
                broken[sound[outcome.pair]] = Broken(outcome.reason)
                continue
            for index, reading in zip(sound, outcome, strict=True):
                found[index].append(reading)
            done += 1
        advance(processes, processes)
        return [broken.get(index, tuple(found[index])) for index in range(len(pairs))]

    def _one(self, pairs: Sequence[Timed], candidate_first: bool) -> list[Reading] | _Fault:
        effort = self.effort
        job = {
            "pairs": [
                {
                    "engine": pair.case.engine,
                    "threads": pair.case.threads,
                    "baseline": str(pair.baseline),
                    "candidate": str(pair.candidate),
                }
                for pair in pairs
            ],
            "candidate_first": candidate_first,
            "seed": self.rng.getrandbits(32),
            "block_seconds": effort.block_seconds,
            "pair_seconds": effort.pair_seconds,
            "rounds": effort.rounds,
            "limit_s": effort.limit_s,
        }
        with _Process(self.command) as process:
            process.tell(job)
            return _follow(process, pairs, effort.limit_s)


@dataclass(frozen=True, slots=True)
class _Fault:
    pair: int
    reason: str


def _follow(process: _Process, pairs: Sequence[Timed], limit_s: float) -> list[Reading] | _Fault:
    """Read events to the end; say which file it was about if they stop."""
    found: dict[int, Reading] = {}
    pair, side = None, None
    while True:
        try:
            event = process.event(limit_s)
        except queue.Empty:
            happened = f"answered nothing for {limit_s:g} s and was ended"
            return _fault(pairs, pair, side, happened)
        kind = event["event"]
        if kind == "at":
            pair, side = event["pair"], event["side"]
        elif kind == "pair":
            found[event["pair"]] = _reading(event["readings"])
        elif kind == "refused":
            return _fault(pairs, pair, side, f"was refused: {event['reason']}")
        elif kind == "died":
            return _fault(pairs, pair, side, f"took its process down ({process.ending()})")
        elif kind == "end":
            return [found[index] for index in range(len(pairs))]


def _fault(pairs: Sequence[Timed], pair: int | None, side: str | None, happened: str) -> _Fault:
    if pair is None:
        raise UsageProblem(
            f"The process that times the files {happened} before it came to any. "
            "Check the environment: make clean, then make test."
        )
    files = {"baseline": pairs[pair].baseline, "candidate": pairs[pair].candidate}
    if side is not None:
        return _Fault(pair, f"the {side}'s file {files[side]} {happened}")
    both = f"{files['baseline']} (baseline) or {files['candidate']} (candidate)"
    return _Fault(pair, f"timing {both}: one of the two {happened}")


def _reading(readings: dict[str, list[float | None]]) -> Reading:
    return {
        metric: Paired(baseline, candidate, ratio)
        for metric, (baseline, candidate, ratio) in readings.items()
        if baseline is not None and candidate is not None and ratio is not None
    }


class _Process:
    """A worker in a process group of its own, which leaving the block ends."""

    def __init__(self, command: Sequence[str]) -> None:
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  (closed in __exit__)
        self._events: queue.Queue[dict[str, Any]] = queue.Queue()
        self._process = subprocess.Popen(
            list(command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            cwd=CHECKOUT,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)

    def __enter__(self) -> _Process:
        self._reader.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()
        self._reader.join()
        for stream in (self._process.stdin, self._errors):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()

    def tell(self, job: dict[str, Any]) -> None:
        """Hand over the job; its end of the pipe stays open, since the worker leaves with it."""
        if self._process.stdin is None:
            raise RuntimeError("The process was started without its pipes.")
        with contextlib.suppress(BrokenPipeError):  # it died at once; its events end then
            self._process.stdin.write(json.dumps(job).encode() + b"\n")
            self._process.stdin.flush()

    def event(self, limit_s: float) -> dict[str, Any]:
        """Wait for the next event; raises queue.Empty after `limit_s` seconds."""
        return self._events.get(timeout=limit_s)

    def ending(self) -> str:
        """Say how it ended, and the last line that it wrote."""
        try:
            status = self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            return "it closed its output and went on"
        said = f"exit status {status}" if status >= 0 else _signal(-status)
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").split("\n")
        written = [line.strip() for line in lines if line.strip()]
        # The runtime's own line on its delegate says nothing about the fault.
        told = [line for line in written if not line.startswith("INFO:")]
        return f"{said}; its last line: {told[-1]}" if told else said

    def _read(self) -> None:
        """Queue every line; what is no event, such as a line cut off by death, is left out."""
        if self._process.stdout is None:
            raise RuntimeError("The process was started without its pipes.")
        with self._process.stdout as lines:
            for line in lines:
                with contextlib.suppress(ValueError):
                    event = json.loads(line)
                    if isinstance(event, dict) and "event" in event:
                        self._events.put(event)
        self._events.put({"event": "died"})

    def _end(self) -> None:
        """Let it leave by itself if it is about to, then end its whole group."""
        if self._process.poll() is None:
            if os.name == "posix":
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self._process.pid, signal.SIGKILL)
            else:
                self._process.kill()
        self._process.wait()


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
