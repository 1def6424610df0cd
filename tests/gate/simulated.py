"""Processes that time nothing: log ratios with a true change and noise of a known kind."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from slimbench.gate.cases import Pair
from slimbench.gate.latency_comparison import METRICS
from slimbench.gate.timer import Broken, FilePair, Paired, Reading, Readings
from slimbench.spec import Advance
from tests.gate import runs

BASELINE_MS = 5.0


def silent(done: float, total: float, note: str = "") -> None:
    """Advance without a word."""


class Machine:
    """Measures `growth` of each variant, relative, with `spread` of the log ratio a process.

    One process in `spoilt` is disturbed six times as much. The control has `bias`.
    """

    def __init__(
        self,
        growth: Mapping[str, float],
        spread: float,
        *,
        spoilt: float = 0.0,
        bias: float = 0.0,
        seed: int = 1,
        broken: Mapping[str, str] | None = None,
        baseline_ms: float = BASELINE_MS,
    ) -> None:
        self.growth, self.spread, self.spoilt, self.bias = growth, spread, spoilt, bias
        self.rng = np.random.default_rng(seed)
        self.broken = broken or {}
        self.baseline_ms = baseline_ms
        self.asked: list[tuple[int, int]] = []

    def __call__(
        self, pairs: Sequence[FilePair], processes: int, advance: Advance
    ) -> list[Readings]:
        advance(0, processes)
        self.asked.append((len(pairs), processes))
        return [
            Broken(self.broken[pair.case.variant])
            if pair.case.variant in self.broken
            else tuple(self._reading(pair) for _ in range(processes))
            for pair in pairs
        ]

    def is_control(self, pair: FilePair) -> bool:
        return pair.baseline == pair.candidate

    def _reading(self, pair: FilePair) -> Reading:
        growth = self.bias if self.is_control(pair) else self.growth[pair.case.variant]
        noise = self.spread * (6 if self.rng.random() < self.spoilt else 1)
        ratio = math.log1p(growth) + self.rng.normal(0, noise)
        one = Paired(self.baseline_ms, self.baseline_ms * math.exp(ratio), ratio)
        return dict.fromkeys(METRICS, one)


def changed_pairs(*variants: str) -> tuple[list[Pair], list[FilePair]]:
    """Return pairs of variants whose files differ, and the files."""
    names = variants or (runs.VARIANT,)
    after = runs.run(*names)
    for name in names:
        runs.other_file(after, name, name=f"new {name}")
    pairs = [runs.pair(runs.run(*names), after, name) for name in names]
    files = [
        FilePair(pair.case, Path(f"{pair.case.variant}-old"), Path(f"{pair.case.variant}-new"))
        for pair in pairs
    ]
    return pairs, files
