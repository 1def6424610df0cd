"""The real parts, small: models are built, and pytest-benchmark times them."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console

from slimbench.build.scheduler import Failure, build
from slimbench.build.store import Store
from slimbench.calibrate import measurement
from slimbench.calibrate.design import Size, Workload
from slimbench.engines import get
from slimbench.errors import UsageProblem
from slimbench.progress import BuildProgress
from slimbench.spec import MODEL_FILE
from slimbench.tflite.weights import read_weights

SMALL = Size("tiny", side=8, channels=8)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """Files of 20 and 60 layers."""
    store = Store(tmp_path_factory.mktemp("store"))
    store.prepare()
    steps = {layers: Workload(SMALL, layers, weights=0) for layers in (20, 60)}
    outcome = build(steps.values(), 0, store, BuildProgress(Console(quiet=True)))
    files = {}
    for layers, step in steps.items():
        result = outcome.results[step]
        assert not isinstance(result, Failure), result.reason
        files[layers] = result.file(MODEL_FILE)
    return files


def test_a_file_has_as_many_equal_layers_as_it_says(models: dict[int, Path]) -> None:
    for layers, model in models.items():
        sizes = [weight.size for weight in read_weights(model)]
        assert sizes == [3 * 3 * SMALL.channels**2] * layers


def test_signals_neither_die_nor_grow(models: dict[int, Path]) -> None:
    import numpy as np

    session = get("litert").load(models[60], 1)
    session.feed(np.full(session.input_shape[1:], 128, np.uint8))
    session.invoke()
    scores = session.scores()
    assert np.isfinite(scores).all()
    assert 1e-20 < scores.max() < 1e20


def test_pytest_benchmark_times_each_file_one_that_stands_twice_too(
    models: dict[int, Path],
) -> None:
    medians = measurement.unpaired_medians([models[20], models[60], models[20]])
    assert len(set(medians)) == 3
    assert all(0 < median < 1 for median in medians)


def test_its_rule_is_a_growth_of_ten_percent() -> None:
    assert not measurement.unpaired_fails(1.0, 1.09)
    assert measurement.unpaired_fails(1.0, 1.11)
    assert not measurement.unpaired_fails(1.0, 0.5)


def test_a_file_that_pytest_benchmark_cannot_time_is_said(tmp_path: Path) -> None:
    (tmp_path / "x.tflite").write_bytes(b"no model")
    with pytest.raises(UsageProblem, match="pytest-benchmark could not time the models"):
        measurement.unpaired_medians([tmp_path / "x.tflite"])
