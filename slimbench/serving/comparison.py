"""The comparison: all servers measured in one run, so that their figures can be compared."""

from __future__ import annotations

import contextlib
import random
import statistics
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from slimbench import engines
from slimbench.serving import load
from slimbench.serving.capacity import Trial, highest_rate, overload
from slimbench.serving.figures import (
    Comparison,
    Conditions,
    Overload,
    ServerFigures,
    shipped_server,
)
from slimbench.serving.http_client import fetch
from slimbench.serving.load import Clients, LoadResult, LoadTest, Poisson
from slimbench.serving.messages import PredictionRequests, prediction_requests
from slimbench.serving.servers import (
    OURS,
    ServedModel,
    ServerFault,
    ServerProcess,
    command_line,
    compared_servers,
    serial_responses,
    started,
    with_tensorflow,
)
from slimbench.spec import Pixels

Say = Callable[[str], None]

NO_PROC = "it is read from /proc/<pid>/status, which this platform does not have"
NO_TENSORFLOW = "TensorFlow is not installed here"

BATCH_SIZE = "slimbench_batch_size"
"""The histogram at `/metrics` of how many requests were run together."""

SEARCH_SPAN = 6.0
"""The ratio of the highest to the lowest rate that a search begins with."""

TOO_HIGH = 1.5
"""A server cannot sustain this many times the rate of its responses to clients that wait."""


class MeasuredServer:
    """A server with the requests it is sent; each method puts it under one kind of load."""

    def __init__(
        self,
        server: ServerProcess,
        requests: tuple[bytes, ...],
        expected: tuple[Any, ...],
        conditions: Conditions,
        *,
        has_metrics: bool,
    ) -> None:
        self.server = server
        self.figures = ServerFigures()
        self._rounds: list[LoadResult] = []
        self._test = LoadTest(server.port, requests, expected, Clients(1, 0.0))
        self._conditions = conditions
        self._has_metrics = has_metrics
        self._batch_sizes = [0.0, 0.0]

    def load_test(self, arrivals: Poisson | Clients) -> LoadTest:
        """Return the test that sends the requests so."""
        return replace(self._test, port=self.server.port, arrivals=arrivals)

    def measure_single_client(self) -> None:
        """Measure the latencies that one client sees."""
        result = self._run(Clients(1, self._conditions.single_s))
        self.figures.single_p50_ms = result.percentile_ms(50)
        self.figures.single_p90_ms = result.percentile_ms(90)
        for key in ("single_p50_ms", "single_p90_ms"):
            if getattr(self.figures, key) is None:
                self.figures.leave_out("too few requests were answered rightly", key)

    def measure_round(self) -> None:
        """Let several clients send requests for a while, each as soon as it has a response."""
        before = self._batch_size_totals()
        self._rounds.append(self._run(Clients(self._conditions.clients, self._conditions.round_s)))
        if before is not None and (after := self._batch_size_totals()) is not None:
            self._batch_sizes[0] += after[0] - before[0]
            self._batch_sizes[1] += after[1] - before[1]

    def summarise_rounds(self) -> None:
        """Write the figures of all rounds."""
        figures, rounds = self.figures, self._rounds
        rates = [result.right_count / result.seconds for result in rounds if result.seconds]
        figures.right_per_s = sorted(rates)[len(rates) // 2]
        figures.right_per_s_rounds = rates
        figures.wrong = sum(result.wrong_count for result in rounds)
        figures.refused = sum(result.count(503) for result in rounds)
        answered = sum(result.count(200) for result in rounds)
        sent = sum(len(result.statuses) for result in rounds)
        figures.failed = sent - answered - figures.refused
        if self._batch_sizes[1]:
            figures.mean_batch = self._batch_sizes[0] / self._batch_sizes[1]
        else:
            figures.leave_out("it has no metrics to read it from", "mean_batch")

    def measure_highest_rate(self) -> None:
        """Search the highest rate with a 99th percentile under the limit, and go beyond it."""
        top = self.figures.right_per_s
        best = None
        if top:
            high = TOO_HIGH * top
            best, _ = highest_rate(self._attempt, high / SEARCH_SPAN, high, self._conditions.steps)
        if best is None:
            limit = self._conditions.p99_limit_ms
            self.figures.leave_out(
                f"no rate kept 99 % of its requests right within {limit:g} ms",
                "rate_per_s",
                "rate_p99_ms",
                "beyond_refused_share",
            )
            return
        self.figures.rate_per_s, self.figures.rate_p99_ms = best.rate_per_s, best.p99_ms
        rate = self._conditions.beyond * best.rate_per_s
        result = self._run(Poisson(rate, self._conditions.beyond_s))
        self.figures.beyond_refused_share = result.count(503) / len(result.statuses)

    def _attempt(self, rate: float) -> Trial:
        result = self._run(Poisson(rate, self._conditions.trial_s, grace_s=1.0))
        p99 = result.percentile_ms(99)
        return Trial(rate, p99, p99 is not None and p99 <= self._conditions.p99_limit_ms)

    def _run(self, arrivals: Poisson | Clients) -> LoadResult:
        """Run a load test on the server, started again where an earlier one has killed it."""
        self.server.ensure()
        self.figures.deaths = self.server.deaths
        return load.run(self.load_test(arrivals))

    def _batch_size_totals(self) -> tuple[float, float] | None:
        if not self._has_metrics:
            return None
        response = fetch(self.server.port, "/metrics")
        if response is None or response[0] != 200:
            raise ServerFault(f"{self.server.name} does not give its metrics")
        return histogram_totals(response[1].decode(), BATCH_SIZE)


def histogram_totals(text: str, name: str) -> tuple[float, float]:
    """Return the sum and the count of a Prometheus histogram or summary, over all its labels.

    Raises:
        ValueError: The text is no such metrics, or has none of this name.
    """
    values = {
        part: [
            sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == f"{name}_{part}"
        ]
        for part in ("sum", "count")
    }
    if not values["sum"] or not values["count"]:
        raise ValueError(f"the metrics have no {name}")
    return sum(values["sum"]), sum(values["count"])


@dataclass(slots=True)
class MeasuredServers:
    """The servers that are measured, and the figures of those that failed on the way."""

    conditions: Conditions
    say: Say
    measured: dict[str, MeasuredServer] = field(default_factory=dict)
    failed: dict[str, ServerFigures] = field(default_factory=dict)

    def figures(self) -> dict[str, ServerFigures]:
        """Return the figures of all by name."""
        return {name: server.figures for name, server in self.measured.items()} | self.failed

    def measure_each(
        self, what: str, names: Iterable[str], measure: Callable[[MeasuredServer], None]
    ) -> None:
        """Measure one thing of some servers; a tutorial's that fails is left out from then on.

        Raises:
            ServerFault: One of ours failed.
        """
        for name in [name for name in names if name in self.measured]:
            self.say(f"{what}: {name}")
            try:
                measure(self.measured[name])
            except ServerFault as fault:
                self.exclude(name, fault)

    def exclude(self, name: str, fault: ServerFault) -> None:
        """Leave a server out; raises the fault where it is one of ours."""
        if name in OURS:
            raise fault
        figures = self.measured.pop(name).figures if name in self.measured else ServerFigures()
        figures.leave_out_rest(str(fault))
        self.failed[name] = figures


def compare(
    model: ServedModel, images: Pixels, conditions: Conditions, say: Say = lambda _: None
) -> Comparison:
    """Measure our server with and without batches, the tutorial's, and the latter with a lock.

    Args:
        model: what is served.
        images: some of its size, shape (images, height, width, channels).
        conditions: how long and under which load.
        say: called with what is being measured.

    Raises:
        ServerFault: One of our servers does not start, dies, or gives wrong answers one by one.
    """
    session = engines.get("litert").load(model.file, 1, model.pixels)
    asked = prediction_requests(session, images)
    session.close()
    with tempfile.TemporaryDirectory(prefix="slimbench-serving-") as name:
        folder = Path(name)
        with contextlib.ExitStack() as stack:
            servers = MeasuredServers(conditions, say)
            for server in compared_servers(model, folder).values():
                say(f"start: {server.name}")
                try:
                    opened = stack.enter_context(_opened(server, asked, conditions))
                    servers.measured[server.name] = opened
                except ServerFault as fault:
                    servers.exclude(server.name, fault)
            measure(servers)
            shipped = shipped_server(servers.figures())
            ours = servers.measured[shipped]
            overloaded = _overload(ours, conditions, say)
        say("start: slimbench serve")
        start_ms = _start_ms(command_line(folder), conditions.starts)
        say("memory with TensorFlow")
        tensorflow_mib, tensorflow_reason = _resident_with_tensorflow(model, folder)
    return Comparison(
        conditions=conditions,
        servers=servers.figures(),
        shipped=shipped,
        command_start_ms=start_ms,
        resident_tensorflow_mib=tensorflow_mib,
        tensorflow_reason=tensorflow_reason,
        overload=overloaded,
        overload_reason=ours.figures.reasons.get("rate_per_s", ""),
    )


def measure(servers: MeasuredServers) -> None:
    """Put all servers under load.

    In each round all of them have their turn, in random order, so that what the machine does
    meanwhile hits all alike.
    """
    order = random.Random(0)  # noqa: S311 - no secret
    conditions = servers.conditions
    servers.measure_each("one client", list(servers.measured), MeasuredServer.measure_single_client)
    for number in range(conditions.rounds):
        names = list(servers.measured)
        order.shuffle(names)
        what = f"{conditions.clients} clients, round {number + 1} of {conditions.rounds}"
        servers.measure_each(what, names, MeasuredServer.measure_round)
    for server in servers.measured.values():
        server.summarise_rounds()
    servers.measure_each(
        "highest rate", list(servers.measured), MeasuredServer.measure_highest_rate
    )


@contextlib.contextmanager
def _opened(
    server: ServerProcess, asked: PredictionRequests, conditions: Conditions
) -> Iterator[MeasuredServer]:
    """Start a server, several times to time it, and send it each request one by one."""
    seconds = [_start_s(server) for _ in range(conditions.starts - 1)]
    with started(server) as last:
        expected = serial_responses(server, asked)
        measured = MeasuredServer(
            server, asked.requests, expected, conditions, has_metrics=server.name in OURS
        )
        measured.figures.start_ms = statistics.median([*seconds, last]) * 1e3
        measured.figures.resident_mib = server.resident_mib()
        if measured.figures.resident_mib is None:
            measured.figures.leave_out(NO_PROC, "resident_mib")
        yield measured


def _start_s(server: ServerProcess) -> float:
    with started(server) as seconds:
        return seconds


def _start_ms(server: ServerProcess, times: int) -> float:
    return statistics.median(_start_s(server) for _ in range(times)) * 1e3


def _overload(ours: MeasuredServer, conditions: Conditions, say: Say) -> Overload | None:
    rate = ours.figures.rate_per_s
    if rate is None:
        return None
    say(f"{conditions.overload:g} times too much: {ours.server.name}")
    test = ours.load_test(Clients(1, conditions.overload_s))
    return overload(test, rate, conditions.overload, conditions.overload_s, conditions.p99_limit_ms)


def _resident_with_tensorflow(model: ServedModel, folder: Path) -> tuple[float | None, str]:
    server = with_tensorflow(model, folder)
    if server is None:
        return None, NO_TENSORFLOW
    with started(server):
        resident = server.resident_mib()
    return resident, "" if resident is not None else NO_PROC
