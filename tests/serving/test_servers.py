"""The tutorial's server as a process, with a real model whose scores can be worked out by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from slimbench import engines
from slimbench.serving import load
from slimbench.serving.figures import LOCKED, TUTORIAL
from slimbench.serving.http_client import exchange
from slimbench.serving.load import Clients, LoadTest
from slimbench.serving.messages import PredictionRequests, png, predict, prediction_requests
from slimbench.serving.servers import (
    ServedModel,
    ServerFault,
    compared_servers,
    serial_responses,
    started,
)
from tests.tiny_models import SHAPE, first_pixels, linear_model


@pytest.fixture
def served(tmp_path: Path) -> ServedModel:
    return ServedModel(linear_model(tmp_path / "m.tflite", first_pixels(4)), "raw", SHAPE)


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (6, *SHAPE), dtype=np.uint8)


def asked_about(served: ServedModel, images: np.ndarray) -> PredictionRequests:
    session = engines.get("litert").load(served.file, 1, served.pixels)
    try:
        return prediction_requests(session, images)
    finally:
        session.close()


@pytest.mark.parametrize("name", [TUTORIAL, LOCKED])
def test_it_answers_one_client_with_the_models_scores(
    name: str, served: ServedModel, images: np.ndarray, tmp_path: Path
) -> None:
    server = compared_servers(served, tmp_path)[name]
    asked = asked_about(served, images)
    with started(server) as seconds:
        assert 0 < seconds < 60
        answers = serial_responses(server, asked)
        assert answers[0]["all_scores"] == images[0].reshape(-1)[:4].astype(float).tolist()
        order = np.argsort(-images[0].reshape(-1)[:4].astype(int), kind="stable")
        named = [each["class"] for each in answers[0]["predictions"]]
        assert named == [str(index) for index in order[:3]]
        result = load.run(LoadTest(server.port, asked.requests, answers, Clients(1, 60, count=30)))
        assert result.right_count == 30
        assert (server.resident_mib() or 1) > 0
        nothing = exchange(server.port, predict(b"no picture"))
        assert nothing is not None
        assert nothing[0] == 500
    assert not server.is_alive


def test_with_a_lock_concurrent_answers_are_right(
    served: ServedModel, images: np.ndarray, tmp_path: Path
) -> None:
    server = compared_servers(served, tmp_path)[LOCKED]
    asked = asked_about(served, images)
    with started(server):
        answers = serial_responses(server, asked)
        result = load.run(LoadTest(server.port, asked.requests, answers, Clients(4, 60, count=100)))
    assert result.right_count == 100


def test_a_server_with_another_model_is_found_out(
    served: ServedModel, images: np.ndarray, tmp_path: Path
) -> None:
    other = linear_model(tmp_path / "other.tflite", first_pixels(4)[::-1])
    server = compared_servers(ServedModel(other, "raw", SHAPE), tmp_path)[LOCKED]
    with started(server), pytest.raises(ServerFault, match="does not give the model's scores"):
        serial_responses(server, asked_about(served, images))


def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    server = compared_servers(ServedModel(tmp_path / "none.tflite", "raw", SHAPE), tmp_path)[
        TUTORIAL
    ]
    with pytest.raises(ServerFault, match=r"did not start: exit status 1; .*no model file"):
        server.start()


def test_a_server_that_died_is_started_again_and_counted(
    served: ServedModel, tmp_path: Path
) -> None:
    server = compared_servers(served, tmp_path)[TUTORIAL]
    with started(server):
        server.ensure()
        assert server.deaths == 0
        assert server.process is not None
        server.process.kill()
        server.process.wait()
        assert exchange(server.port, predict(png(np.zeros(SHAPE, np.uint8)))) is None
        server.ensure()
        assert server.deaths == 1
        assert exchange(server.port, predict(png(np.zeros(SHAPE, np.uint8)))) is not None
