"""What pytest-benchmark runs for `slimbench.calibrate.measurement`: one test for each model."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from slimbench import engines

MODELS = json.loads((Path(os.environ["SLIMBENCH_UNPAIRED"]) / "models.json").read_text())


@pytest.mark.parametrize("index", range(len(MODELS)))
def test_invocation(benchmark: BenchmarkFixture, index: int) -> None:
    """Time single invocations."""
    session = engines.get("litert").load(Path(MODELS[index]), 1)
    session.feed(np.random.default_rng(0).integers(0, 256, session.input_shape[1:], dtype=np.uint8))
    session.invoke()
    benchmark(session.invoke)
