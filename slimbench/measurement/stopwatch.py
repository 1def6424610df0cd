"""Where a run's time went: every second is booked under exactly one kind.

Kinds nest (scoring may load a model, a build contains training), so starting one pauses the one
around it; what is booked under none is `other`.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from typing import get_args

from slimbench.spec import Kind


class Stopwatch:
    """Books seconds by kind from its creation on."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        """Start with `other`."""
        self._clock = clock
        self._seconds: dict[Kind, float] = dict.fromkeys(get_args(Kind), 0.0)
        self._kind: Kind = "other"
        self._since = clock()

    @contextlib.contextmanager
    def spending(self, kind: Kind) -> Iterator[None]:
        """Book the block's time under `kind`."""
        around = self._switch(kind)
        try:
            yield
        finally:
            self._switch(around)

    def credit(self, seconds: Mapping[Kind, float]) -> None:
        """Move seconds that child processes reported out of `other`, under which they passed."""
        self._switch(self._kind)
        for kind, spent in seconds.items():
            self._seconds[kind] += spent
            self._seconds["other"] -= spent

    def seconds(self) -> dict[str, float]:
        """Return the seconds so far, by kind."""
        self._switch(self._kind)
        return {kind: round(max(0.0, spent), 3) for kind, spent in self._seconds.items()}

    def _switch(self, kind: Kind) -> Kind:
        now = self._clock()
        self._seconds[self._kind] += now - self._since
        self._since = now
        before, self._kind = self._kind, kind
        return before
