"""Batches measured on a machine whose truth is known: the files' own layers, and noise."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from slimbench.calibrate import measurement
from slimbench.calibrate.design import Batch, Workload, workloads
from slimbench.calibrate.measurement import measure_batch
from slimbench.calibrate.record import Comparison
from slimbench.gate.timer import MEDIAN_LATENCY, FilePair, Paired, Readings
from slimbench.spec import Advance


def silent(done: float, total: float, note: str = "") -> None:
    """Advance without a word."""


def files_of(batches: Sequence[Batch]) -> dict[Workload, Path]:
    """Name a file for each model; its name says how many layers it has."""
    return {
        each: Path(f"{each.size.name}/{each.layers}/{each.weights}") for each in workloads(batches)
    }


def milliseconds(model: Path) -> float:
    """A model takes a tenth of a millisecond a layer."""
    return int(model.parts[1]) / 10


class Machine:
    """Times files by their layers, with `spread` of the log ratio; a control is off by `bias`."""

    def __init__(self, spread: float = 0.005, bias: float = 0.0) -> None:
        self.spread, self.bias = spread, bias
        self.rng = np.random.default_rng(3)
        self.asked: list[tuple[int, int]] = []

    def __call__(
        self, pairs: Sequence[FilePair], processes: int, advance: Advance
    ) -> list[Readings]:
        advance(0, processes)
        self.asked.append((len(pairs), processes))
        return [tuple(self._reading(pair) for _ in range(processes)) for pair in pairs]

    def _reading(self, pair: FilePair) -> Mapping[str, Paired]:
        before, after = milliseconds(pair.baseline), milliseconds(pair.candidate)
        bias = self.bias if pair.baseline == pair.candidate else 0.0
        ratio = math.log(after / before) + bias + self.rng.normal(0, self.spread)
        return {MEDIAN_LATENCY: Paired(before, before * math.exp(ratio), ratio)}


def measured(
    batches: Sequence[Batch], machine: Machine, monkeypatch: pytest.MonkeyPatch, drift: float = 0.0
) -> list[Comparison]:
    """Measure batches on a machine that is slower by `drift` each time pytest-benchmark looks."""
    looks = iter(range(10**6))

    def medians(models: Sequence[Path]) -> list[float]:
        slower = 1 + drift * (next(looks) % 2)
        return [milliseconds(model) / 1e3 * slower for model in models]

    monkeypatch.setattr(measurement, "unpaired_medians", medians)
    files = files_of(batches)
    return [
        each
        for batch in batches
        for each in measure_batch(batch, files, measure=machine, processes=12, advance=silent)
    ]
