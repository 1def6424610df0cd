"""All servers measured in one run, so that their figures can be held against each other."""

from __future__ import annotations

import contextlib
import random
import statistics
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from slimbench import engines
from slimbench.serving.contestants import OURS, Served, command_line, contestants, with_tensorflow
from slimbench.serving.figures import Comparison, Extent, Overload, ServerFigures
from slimbench.serving.job import Clients
from slimbench.serving.overload import overload
from slimbench.serving.questions import Questions, questions, serial_answers
from slimbench.serving.ratios import shipped_one
from slimbench.serving.server_process import ServerFault, ServerProcess, started
from slimbench.serving.under_load import Loaded
from slimbench.spec import Pixels

Say = Callable[[str], None]

NO_PROC = "it is read from /proc/<pid>/status, which this platform does not have"
NO_TENSORFLOW = "TensorFlow is not installed here"


@dataclass(slots=True)
class Field:
    """The servers that are measured, and what became of those that could not be."""

    extent: Extent
    say: Say
    loaded: dict[str, Loaded] = field(default_factory=dict)
    failed: dict[str, ServerFigures] = field(default_factory=dict)

    def figures(self) -> dict[str, ServerFigures]:
        """Return the figures of all by name."""
        return {name: each.figures for name, each in self.loaded.items()} | self.failed

    def each(self, what: str, names: Iterable[str], read: Callable[[Loaded], None]) -> None:
        """Measure one thing of some servers; one of others' that fails is left out from then on.

        Raises:
            ServerFault: One of ours failed.
        """
        for name in [name for name in names if name in self.loaded]:
            self.say(f"{what}: {name}")
            try:
                read(self.loaded[name])
            except ServerFault as fault:
                self.give_up(name, fault)

    def give_up(self, name: str, fault: ServerFault) -> None:
        """Leave a server out; one of ours must not fail."""
        if name in OURS:
            raise fault
        figures = self.loaded.pop(name).figures if name in self.loaded else ServerFigures()
        figures.leave_out_rest(str(fault))
        self.failed[name] = figures


def compare(
    served: Served, images: Pixels, extent: Extent, say: Say = lambda _: None
) -> Comparison:
    """Measure our server with and without batches, the tutorial's, and the latter with a lock.

    Args:
        served: the model.
        images: some of its size, shape (images, height, width, channels).
        extent: how long.
        say: told what is being measured.

    Raises:
        ServerFault: One of our servers does not start, dies, or gives wrong answers one by one.
    """
    session = engines.get("litert").load(served.file, 1, served.pixels)
    asked = questions(session, images)
    session.close()
    with tempfile.TemporaryDirectory(prefix="slimbench-serving-") as name:
        folder = Path(name)
        with contextlib.ExitStack() as servers:
            all_of_them = Field(extent, say)
            for server in contestants(served, folder).values():
                say(f"start: {server.name}")
                try:
                    opened = servers.enter_context(_opened(server, asked, extent))
                    all_of_them.loaded[server.name] = opened
                except ServerFault as fault:
                    all_of_them.give_up(server.name, fault)
            measure(all_of_them)
            shipped = shipped_one(all_of_them.figures())
            ours = all_of_them.loaded[shipped]
            under = _overload(ours, extent, say)
        say("start: slimbench serve")
        start_ms = _start_ms(command_line(folder), extent.starts)
        say("memory with TensorFlow")
        heavy, why_not = _with_tensorflow(served, folder)
    return Comparison(
        extent=extent,
        servers=all_of_them.figures(),
        shipped=shipped,
        command_start_ms=start_ms,
        resident_tensorflow_mib=heavy,
        tensorflow_reason=why_not,
        overload=under,
        overload_reason=ours.figures.reasons.get("rate_per_s", ""),
    )


def measure(servers: Field) -> None:
    """Put all servers under load.

    In each round all of them have their turn, in random order, so that what the machine does
    meanwhile hits all alike.
    """
    order = random.Random(0)  # noqa: S311 - no secret
    extent = servers.extent
    servers.each("one client", list(servers.loaded), Loaded.read_single)
    for number in range(extent.rounds):
        names = list(servers.loaded)
        order.shuffle(names)
        what = f"{extent.clients} clients, round {number + 1} of {extent.rounds}"
        servers.each(what, names, Loaded.play_round)
    for each in servers.loaded.values():
        each.read_rounds()
    servers.each("highest rate", list(servers.loaded), Loaded.read_rate)


@contextlib.contextmanager
def _opened(server: ServerProcess, asked: Questions, extent: Extent) -> Iterator[Loaded]:
    """Start a server, several times to time it, and ask it everything one by one."""
    seconds = [_start_s(server) for _ in range(extent.starts - 1)]
    with started(server) as last:
        expected = serial_answers(server, asked)
        has_metrics = server.name in OURS
        loaded = Loaded(server, asked.requests, expected, extent, has_metrics=has_metrics)
        loaded.figures.start_ms = statistics.median([*seconds, last]) * 1e3
        loaded.figures.resident_mib = server.resident_mib()
        if loaded.figures.resident_mib is None:
            loaded.figures.leave_out(NO_PROC, "resident_mib")
        yield loaded


def _start_s(server: ServerProcess) -> float:
    with started(server) as seconds:
        return seconds


def _start_ms(server: ServerProcess, times: int) -> float:
    return statistics.median(_start_s(server) for _ in range(times)) * 1e3


def _overload(ours: Loaded, extent: Extent, say: Say) -> Overload | None:
    rate = ours.figures.rate_per_s
    if rate is None:
        return None
    say(f"{extent.overload:g} times too much: {ours.server.name}")
    job = ours.job(Clients(1, extent.overload_s))
    return overload(job, rate, extent.overload, extent.overload_s, extent.p99_limit_ms)


def _with_tensorflow(served: Served, folder: Path) -> tuple[float | None, str]:
    server = with_tensorflow(served, folder)
    if server is None:
        return None, NO_TENSORFLOW
    with started(server):
        resident = server.resident_mib()
    return resident, "" if resident is not None else NO_PROC
