"""Reading the figures of one server while it is under load."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from slimbench.serving.figures import Extent, ServerFigures
from slimbench.serving.job import Clients, Job, Load, Poisson
from slimbench.serving.load import percentile_ms, put_under
from slimbench.serving.rate import Trial, highest_rate
from slimbench.serving.scrape import BATCH, totals
from slimbench.serving.server_process import ServerFault, ServerProcess, fetch

SPAN = 6.0
"""Between the lowest and the highest rate that a search begins with."""

ABOVE = 1.5
"""A server cannot keep up with so many times what it answers to clients that wait."""


class Loaded:
    """A server with its questions; each method puts it under one kind of load."""

    def __init__(
        self,
        server: ServerProcess,
        requests: tuple[bytes, ...],
        expected: tuple[Any, ...],
        extent: Extent,
        *,
        has_metrics: bool,
    ) -> None:
        self.server = server
        self.figures = ServerFigures()
        self.rounds: list[Load] = []
        self._job = Job(server.port, requests, expected, Clients(1, 0.0))
        self._extent = extent
        self._has_metrics = has_metrics
        self._batches = [0.0, 0.0]

    def job(self, arrivals: Poisson | Clients) -> Job:
        """Return the job of asking the questions so."""
        return replace(self._job, port=self.server.port, arrivals=arrivals)

    def read_single(self) -> None:
        """Read the times that one client sees."""
        load = self._put(Clients(1, self._extent.single_s))
        self.figures.single_p50_ms = percentile_ms(load, 50)
        self.figures.single_p90_ms = percentile_ms(load, 90)
        for key in ("single_p50_ms", "single_p90_ms"):
            if getattr(self.figures, key) is None:
                self.figures.leave_out("too few requests were answered rightly", key)

    def play_round(self) -> None:
        """Let several clients ask for a while, each again when it has its answer."""
        before = self._observed()
        load = self._put(Clients(self._extent.clients, self._extent.round_s))
        self.rounds.append(load)
        if before is not None and (after := self._observed()) is not None:
            self._batches[0] += after[0] - before[0]
            self._batches[1] += after[1] - before[1]

    def read_rounds(self) -> None:
        """Summarise the rounds that were played."""
        figures = self.figures
        rates = [load.right_count / load.seconds for load in self.rounds if load.seconds]
        ordered = sorted(rates)
        figures.right_per_s = ordered[len(ordered) // 2]
        figures.right_per_s_rounds = rates
        figures.wrong = sum(load.wrong_count for load in self.rounds)
        figures.refused = sum(load.count(503) for load in self.rounds)
        answered = sum(load.count(200) for load in self.rounds)
        asked = sum(len(load.statuses) for load in self.rounds)
        figures.failed = asked - answered - figures.refused
        if self._batches[1]:
            figures.mean_batch = self._batches[0] / self._batches[1]
        else:
            figures.leave_out("it has no metrics to read it from", "mean_batch")

    def read_rate(self) -> None:
        """Search the highest rate that keeps the promise, and see what happens beyond it."""
        top = self.figures.right_per_s
        best = None
        if top:
            high = ABOVE * top
            best, _ = highest_rate(self._trial, high / SPAN, high, self._extent.steps)
        if best is None:
            self.figures.leave_out(
                f"no rate kept 99 % of its requests right within {self._extent.p99_limit_ms:g} ms",
                "rate_per_s",
                "rate_p99_ms",
                "beyond_refused_share",
            )
            return
        self.figures.rate_per_s, self.figures.rate_p99_ms = best.rate_per_s, best.p99_ms
        beyond = Poisson(self._extent.beyond * best.rate_per_s, self._extent.beyond_s)
        load = self._put(beyond)
        self.figures.beyond_refused_share = load.count(503) / len(load.statuses)

    def _trial(self, rate: float) -> Trial:
        load = self._put(Poisson(rate, self._extent.trial_s, grace_s=1.0))
        p99 = percentile_ms(load, 99)
        return Trial(rate, p99, p99 is not None and p99 <= self._extent.p99_limit_ms)

    def _put(self, arrivals: Poisson | Clients) -> Load:
        """Put the server under load, started again where an earlier one has killed it."""
        self.server.ensure()
        self.figures.deaths = self.server.deaths
        return put_under(self.job(arrivals))

    def _observed(self) -> tuple[float, float] | None:
        if not self._has_metrics:
            return None
        found = fetch(self.server.port, "/metrics")
        if found is None or found[0] != 200:
            raise ServerFault(f"{self.server.name} does not give its metrics")
        return totals(found[1].decode(), BATCH)
