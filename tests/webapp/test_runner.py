"""Real models in the runtime: what is served is what was measured."""

from __future__ import annotations

import base64
import dataclasses
import logging
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from slimbench import datasets
from slimbench.engines.litert import ENGINE
from slimbench.spec import Pixels
from slimbench.webapp.inference import Serving, open_service
from slimbench.webapp.inference.runner import batching_pays, open_runner
from slimbench.webapp.manifest import Models, read_manifest
from slimbench.webapp.spec import Answer, Failed, ServedModel
from tests.tiny_models import SHAPE, _Graph
from tests.webapp.served import digits_model
from tests.webapp.versions import put, write

REQUESTS = 2000
CLIENTS = 16


@pytest.fixture(scope="module")
def digits() -> ServedModel:
    return digits_model()


@pytest.fixture(scope="module")
def pictures(digits: ServedModel) -> Pixels:
    return np.random.default_rng(5).integers(0, 256, (REQUESTS, *digits.input_shape), np.uint8)


@pytest.fixture(params=[False, True], ids=["singly", "batches"])
def service(request: pytest.FixtureRequest, digits: ServedModel) -> Iterator[Serving]:
    opened = open_service(Models(digits), workers=2, queue=32, batching=request.param)
    yield opened
    opened.close()


def resizable(folder: Path) -> ServedModel:
    """A float network whose input may be of any number of pictures: it has no reshape."""
    one = put(folder)
    made = read_manifest(write(folder, {"1": one}, "1")).stable
    graph = _Graph()
    weights = np.random.default_rng(1).normal(size=(3, int(np.prod(SHAPE)))) / 1000
    image = graph.tensor("image", (1, *SHAPE), "float32")
    kernel = graph.tensor("kernel", weights.shape, "float32", weights)
    bias = graph.tensor("bias", (3,), "float32", np.zeros(3))
    scores = graph.tensor("scores", (1, 3), "float32")
    graph.operator("FULLY_CONNECTED", 1, [image, kernel, bias], scores)
    return dataclasses.replace(made, file=graph.write(folder / "any.tflite", [image], [scores]))


def ask(service: Serving, image: Pixels) -> Answer:
    with service.enter() as place:
        return place.answer(image, service.stable, time.monotonic() + 60)


def together(service: Serving, images: Pixels) -> list[Answer]:
    with ThreadPoolExecutor(CLIENTS) as clients:
        return list(clients.map(lambda image: ask(service, image), images))


def serially(model: ServedModel, images: Pixels) -> np.ndarray:
    session = ENGINE.load(model.file, 1, model.pixels)
    rows = []
    for image in images:
        session.feed(image)
        session.invoke()
        rows.append(session.scores())
    session.close()
    return np.stack(rows)


def test_what_is_served_is_what_was_measured(service: Serving, digits: ServedModel) -> None:
    pytest.importorskip("sklearn")
    images, labels = datasets.get("digits").load().test
    found = [int(answer.scores.argmax()) for answer in together(service, images)]
    right = np.unpackbits(
        np.frombuffer(base64.b64decode(digits.entry["correct_bits"]), np.uint8), count=len(labels)
    )
    assert np.array_equal(np.array(found) == labels, right.astype(bool))


def test_concurrent_answers_are_the_serial_ones(
    service: Serving, digits: ServedModel, pictures: Pixels
) -> None:
    answers = together(service, pictures)
    assert np.array_equal(np.stack([each.scores for each in answers]), serially(digits, pictures))
    assert all(each.model is digits and each.inference_ms > 0 for each in answers)
    assert service.unbatched == {}


def test_batches_of_a_float_network_are_the_serial_answers(tmp_path: Path) -> None:
    model = resizable(tmp_path)
    runner = open_runner(model, 8).runner
    assert runner.most == 8
    images = np.random.default_rng(2).integers(0, 256, (64, *SHAPE), np.uint8)
    start = 0
    found = []
    for size in (8, 3, 1, 7, 8, 2, 5, 4, 6, 8, 1, 8, 3):
        found += runner.run(images[start : start + size])[0]
        start += size
    expected = serially(model, images)
    assert start == len(images) == len(found)
    assert np.allclose(np.stack(found), expected, rtol=0, atol=1e-6)
    assert np.array_equal(np.argsort(np.stack(found)), np.argsort(expected))
    runner.close()


def test_a_file_that_cannot_be_resized_is_served_singly_and_that_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    one = put(tmp_path)
    models = read_manifest(write(tmp_path, {"1": one}, "1"))
    with caplog.at_level(logging.WARNING, "slimbench.webapp.inference"):
        service = open_service(models, workers=1, queue=1, batching=True)
    assert "cannot be resized" in service.unbatched["1"]
    assert "answers pictures singly" in caplog.text
    image = np.arange(np.prod(SHAPE), dtype=np.uint8).reshape(SHAPE)
    assert ask(service, image).scores.tolist() == [0.0, 1.0, 2.0]
    service.close()


def test_a_batch_that_answers_otherwise_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from slimbench.webapp.inference.runner import Batch

    right = Batch.run

    def wrong(self: Batch, images: Pixels) -> object:
        rows, seconds = right(self, images)
        return [row + 2e-6 * (len(images) > 1) for row in rows], seconds

    monkeypatch.setattr(Batch, "run", wrong)
    opened = open_runner(resizable(tmp_path), 4)
    assert opened.runner.most == 1
    assert opened.unbatched == "a batch gives other scores than a picture alone"


def test_a_picture_of_another_size_costs_itself_only(service: Serving) -> None:
    with pytest.raises(Failed):
        ask(service, np.zeros((5, 5, 3), np.uint8))
    assert len(ask(service, np.zeros((32, 32, 3), np.uint8)).scores) == 10


def test_what_the_runtime_was_told_is_told_again(digits: ServedModel) -> None:
    for name, works in (("BUILTIN_WITHOUT_DEFAULT_DELEGATES", True), ("NO_SUCH", False)):
        entry = {**digits.entry, "runtime_options": {"op_resolver": name}}
        model = dataclasses.replace(digits, entry=entry)
        if works:
            assert open_runner(model, 4).runner.most == 4
        else:
            with pytest.raises(ValueError, match="no option op_resolver=NO_SUCH"):
                open_runner(model, 4)


def test_whether_batches_pay_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from slimbench.webapp.inference import runner

    model = resizable(tmp_path)
    monkeypatch.setattr(runner, "QUICK_SECONDS", 0.0)
    monkeypatch.setattr(runner, "TRIAL_SECONDS", float("inf"))
    monkeypatch.setattr(runner, "PAYS", float("inf"))
    assert batching_pays(model, 8)
    monkeypatch.setattr(runner, "PAYS", 0.0)
    assert not batching_pays(model, 8)
    folder = tmp_path / "fixed"
    folder.mkdir()
    fixed = read_manifest(write(folder, {"1": put(folder)}, "1")).stable
    monkeypatch.setattr(runner, "PAYS", float("inf"))
    assert not batching_pays(fixed, 8)
    monkeypatch.setattr(runner, "TRIAL_SECONDS", 0.0)
    assert not batching_pays(model, 8)  # which takes too long to find out
    monkeypatch.setattr(runner, "TRIAL_SECONDS", float("inf"))
    monkeypatch.setattr(runner, "QUICK_SECONDS", float("inf"))
    assert not batching_pays(model, 8)  # for which it does not matter
