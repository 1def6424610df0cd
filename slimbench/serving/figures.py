"""The figures of servers, as the history keeps them, and ratios between them."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

PLAIN, BATCHING = "slimbench", "slimbench_batching"
TUTORIAL, LOCKED = "tutorial", "tutorial_lock"
"""The servers by name: ours without and with batches, the tutorial's without and with a lock."""

BATCHES_PAY = 1.05
"""From this many times the right responses on, batches pay; less is noise."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """How long each thing is measured, and under which load."""

    starts: int = 3
    single_s: float = 2.0
    clients: int = 8
    rounds: int = 5
    round_s: float = 2.0
    p99_limit_ms: float = 50.0
    trial_s: float = 2.0
    steps: int = 4
    beyond: float = 2.0
    """This many times the highest rate, to see what a server does beyond it."""
    beyond_s: float = 4.0
    overload: float = 10.0
    overload_s: float = 60.0
    """Long enough for a 99th percentile: a prober that asks 18 times a second has 11 beyond it."""


@dataclass(slots=True)
class ServerFigures:
    """What was measured of one server; None where `reasons` say why not.

    `right_per_s` is the median of the rounds under concurrent clients; `wrong`, `failed` and
    `refused` count all rounds. `rate_per_s` is the highest rate of Poisson arrivals that kept the
    99th percentile, `rate_p99_ms`, under the limit.
    """

    start_ms: float | None = None
    resident_mib: float | None = None
    single_p50_ms: float | None = None
    single_p90_ms: float | None = None
    right_per_s: float | None = None
    right_per_s_rounds: Sequence[float] = ()
    wrong: int | None = None
    failed: int | None = None
    refused: int | None = None
    mean_batch: float | None = None
    rate_per_s: float | None = None
    rate_p99_ms: float | None = None
    beyond_refused_share: float | None = None
    deaths: int = 0
    reasons: dict[str, str] = field(default_factory=dict)

    def leave_out(self, reason: str, *keys: str) -> None:
        """Say why figures are missing."""
        self.reasons.update(dict.fromkeys(keys, reason))

    def leave_out_rest(self, reason: str) -> None:
        """Give one reason for all figures that were not measured yet."""
        names = [figure.name for figure in dataclasses.fields(self)]
        rest = [name for name in names if getattr(self, name) is None and name not in self.reasons]
        self.leave_out(reason, *rest)


@dataclass(frozen=True, slots=True)
class Overload:
    """What a server did under many times the load that it can take.

    `statuses` are those of requests that were sent; `unsent` found no connection free.
    `recovery_s` runs from the last arrival until an ordinary client is served as before.
    """

    factor: float
    seconds: float
    offered_per_s: float
    statuses: Mapping[str, int]
    wrong: int
    unsent: int
    livez_p99_ms: float | None
    livez_failed: int
    recovery_s: float | None

    @property
    def failed(self) -> int:
        """How much went wrong, which a server that only refuses keeps at 0.

        Requests that ended in anything but a right answer or a refusal, probes that were not
        answered, and 1 for a server that was not itself again.
        """
        odd = [count for status, count in self.statuses.items() if status not in ("200", "503")]
        return sum(odd) + self.wrong + self.livez_failed + (self.recovery_s is None)


@dataclass(frozen=True, slots=True)
class Comparison:
    """All servers of one run, the conditions they were measured under, and which is shipped.

    `shipped` is ours with batches where that gave more right answers, else without.
    `command_start_ms` is from `slimbench serve` to ready, supervisor included.
    """

    conditions: Conditions
    servers: Mapping[str, ServerFigures]
    shipped: str
    command_start_ms: float
    resident_tensorflow_mib: float | None
    tensorflow_reason: str
    overload: Overload | None
    overload_reason: str

    def as_json(self) -> dict[str, Any]:
        """Return everything as JSON values."""
        return {
            "shipped": self.shipped,
            "conditions": dataclasses.asdict(self.conditions),
            "servers": {name: dataclasses.asdict(server) for name, server in self.servers.items()},
            "command_start_ms": self.command_start_ms,
            "resident_tensorflow_mib": self.resident_tensorflow_mib,
            "overload": None if self.overload is None else dataclasses.asdict(self.overload),
        }


def shipped_server(servers: Mapping[str, ServerFigures]) -> str:
    """Return which of our servers is shipped: batches only where they pay."""
    ratio = paired_ratio(servers[BATCHING], servers[PLAIN])
    return BATCHING if ratio is not None and ratio >= BATCHES_PAY else PLAIN


def paired_ratio(one: ServerFigures, other: ServerFigures) -> float | None:
    """Return the median, over the rounds, of the ratio of right responses per second.

    None where a server was not measured in every round, or gave no right response in one of them.
    """
    pairs = [*zip(one.right_per_s_rounds, other.right_per_s_rounds, strict=False)]
    whole = len(one.right_per_s_rounds) == len(other.right_per_s_rounds)
    if not pairs or not whole or not all(denominator for _, denominator in pairs):
        return None
    return statistics.median(numerator / denominator for numerator, denominator in pairs)
