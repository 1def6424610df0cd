from __future__ import annotations

import numpy as np
import pytest

from slimbench import engines
from slimbench.engines.litert import LiteRT
from slimbench.metrics.agreement import MOST_IMAGES, Agreement
from slimbench.spec import Case, Unmeasured
from tests.metrics.subjects import HandmadeSubject, read
from tests.tiny_models import first_pixels, linear_model


class Coarse(LiteRT):
    """A runtime that answers in whole hundreds."""

    name = "coarse"

    def load(self, model, threads, pixels="raw"):
        session = super().load(model, threads, pixels)
        exact = session.scores
        session.scores = lambda: np.float32(100) * np.floor(exact() / 100)
        session.precision = "hundreds"
        return session


class OfNetworks(LiteRT):
    name = "networks"
    takes = "keras"


@pytest.fixture(autouse=True)
def runtimes(monkeypatch):
    known = {**engines.all_engines(), "coarse": Coarse(), "networks": OfNetworks()}
    monkeypatch.setattr(engines, "all_engines", lambda: known)


def subject_on(engine, tmp_path, images):
    model = linear_model(tmp_path / "m.tflite", first_pixels(3))
    case = Case("student_f32", engine, 1)
    session = engines.get(engine).load(model, 1)
    return HandmadeSubject(session, case=case, model=model, images=images)


def images_with(*scores):
    images = np.zeros((len(scores), 4, 4, 3), np.uint8)
    images.reshape(len(scores), -1)[:, :3] = scores
    return images


def test_answers_are_compared_with_litert_on_the_same_file(tmp_path):
    # In hundreds the first and last are as they were, and the second is a tie that class 0 wins.
    images = images_with((0, 0, 200), (110, 120, 0), (250, 0, 0))
    reading = read(Agreement(), subject_on("coarse", tmp_path, images))
    assert reading == {
        "agreement_top1": pytest.approx(2 / 3),
        "score_difference_max": 50.0,
        "precision": "hundreds",
    }


def test_at_most_so_many_images_from_all_over_are_compared(tmp_path):
    count = 5 * MOST_IMAGES
    images = images_with(*[(0, 0, 200)] * (count - 1), (99, 100, 0))
    subject = subject_on("coarse", tmp_path, images)
    fed = []
    feed = subject.session.feed
    subject.session.feed = lambda image: (fed.append(image), feed(image))
    reading = read(Agreement(), subject)
    assert len(fed) == MOST_IMAGES
    assert reading["score_difference_max"] == 99  # the last one is among them


def test_litert_itself_is_what_others_are_compared_with(tmp_path):
    itself = Unmeasured("it is what others are compared with")
    reading = read(Agreement(), subject_on("litert", tmp_path, images_with((1, 2, 3))))
    assert reading["agreement_top1"] == reading["score_difference_max"] == itself
    assert isinstance(reading["precision"], Unmeasured)


def test_a_network_is_not_the_file_that_litert_runs(tmp_path):
    reading = read(Agreement(), subject_on("networks", tmp_path, images_with((1, 2, 3))))
    assert "not the file" in reading["agreement_top1"].reason


def test_without_images_there_is_nothing_to_compare_on(tmp_path):
    subject = subject_on("coarse", tmp_path, np.empty((0, 4, 4, 3), np.uint8))
    reading = read(Agreement(), subject)
    assert "no images" in reading["agreement_top1"].reason
    assert reading["precision"] == "hundreds"


def test_a_file_that_litert_cannot_run_is_said(tmp_path):
    subject = subject_on("coarse", tmp_path, images_with((1, 2, 3)))
    subject.model.write_text("no model any more")
    reading = read(Agreement(), subject)
    assert "LiteRT cannot run" in reading["score_difference_max"].reason
    assert reading["precision"] == "hundreds"
