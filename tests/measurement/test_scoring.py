from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slimbench.engines.litert import ENGINE
from slimbench.measurement import scoring
from slimbench.measurement.scoring import CHUNK, score
from tests.examples import examples
from tests.tiny_models import SHAPE, linear_model

CLASSES = 6


class Answering:
    """A session that answers from a table by the image's first value, and may fail at some."""

    input_shape = (1, 1, 1, 3)

    def __init__(self, answers, faulty=(), wait=None):
        self._answers, self._faulty, self._wait = answers, faulty, wait
        self.users = set()
        self.closed = False

    def feed(self, image):
        self._place = int.from_bytes(image.tobytes(), "big")

    def invoke(self):
        self.users.add(threading.get_ident())
        if self._wait is not None:
            self._wait(self._place)
        if self._place in self._faulty:
            raise ValueError(f"image {self._place} is beyond it")

    def scores(self):
        return self._answers[self._place]

    def close(self):
        self.closed = True


def numbered(count):
    """Images whose bytes are their number."""
    return np.array([list(n.to_bytes(3, "big")) for n in range(count)], np.uint8).reshape(
        count, 1, 1, 3
    )


@pytest.fixture
def eager(monkeypatch):
    """Another worker is always worth it."""
    monkeypatch.setattr(scoring, "SECONDS_EACH", 1e-12)


@pytest.mark.usefixtures("eager")
def test_answers_are_those_of_the_model_in_the_order_of_the_images(tmp_path):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (100, *SHAPE), np.uint8)
    weights = rng.normal(size=(CLASSES, 48)).astype(np.float32)
    model = linear_model(tmp_path / "m.tflite", weights)
    expected = (images.reshape(100, -1) @ weights.T).argmax(axis=1)
    labels = rng.integers(0, CLASSES, 100)
    scored = score(lambda: ENGINE.load(model, 1), images, labels, workers=3)
    assert np.array_equal(scored.top1, expected)
    assert np.array_equal(scored.correct, expected == labels)
    assert scored.correct_present is None


@settings(deadline=None, max_examples=examples(30))
@given(st.integers(1, 4 * CHUNK + 1), st.integers(2, 5), st.integers(0, 2**32 - 1), st.data())
def test_any_number_of_workers_gives_the_same(count, workers, seed, data):
    rng = np.random.default_rng(seed)
    answers = rng.integers(0, 3, (count, CLASSES)).astype(np.float32)  # many ties
    labels = rng.integers(0, CLASSES, count)
    present = data.draw(st.none() | st.sets(st.integers(0, CLASSES - 1), min_size=1))
    alone = score(lambda: Answering(answers), numbered(count), labels, present=present)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scoring, "SECONDS_EACH", 1e-12)
        together = score(
            lambda: Answering(answers), numbered(count), labels, present=present, workers=workers
        )
    assert np.array_equal(alone.top1, answers.argmax(axis=1))
    assert np.array_equal(together.top1, alone.top1)
    assert np.array_equal(together.correct, alone.correct)
    if present is None:
        assert alone.correct_present is None
        return
    among = sorted(present)
    expected = np.array(among)[answers[:, among].argmax(axis=1)] == labels
    assert np.array_equal(alone.correct_present, expected)
    assert np.array_equal(together.correct_present, expected)


@pytest.mark.usefixtures("eager")
def test_each_session_is_used_by_one_thread_and_all_take_part():
    count = 10 * CHUNK
    barrier = threading.Barrier(2, timeout=30)
    met = set()

    def meet(place):
        if place >= CHUNK and threading.get_ident() not in met:
            met.add(threading.get_ident())
            barrier.wait()  # neither goes on before the other has an image too

    made = []

    def load():
        made.append(Answering(np.zeros((count, 2)), wait=meet))
        return made[-1]

    own = load()
    score(load, numbered(count), np.zeros(count, np.int64), workers=2, own=own)
    assert [len(session.users) for session in made] == [1, 1]
    assert own.users != made[1].users
    assert [session.closed for session in made] == [False, True]


def test_one_worker_is_the_session_that_was_given():
    made = []
    own = Answering(np.zeros((3, 2)))
    score(lambda: made.append(1), numbered(3), np.zeros(3, np.int64), own=own)
    assert (made, len(own.users), own.closed) == ([], 1, False)


def test_little_work_loads_no_further_session():
    made = []

    def load():
        made.append(Answering(np.zeros((50, 2))))
        return made[-1]

    score(load, numbered(50), np.zeros(50, np.int64), workers=64)
    assert len(made) == 1


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("workers", [1, 2, 4])
def test_of_several_faults_the_first_image_is_named_and_sessions_are_closed(workers):
    count = 9 * CHUNK
    made = []

    def load():
        made.append(Answering(np.zeros((count, 2)), faulty=(CHUNK + 3, CHUNK + 5, 3 * CHUNK)))
        return made[-1]

    with pytest.raises(ValueError, match=f"image {CHUNK + 3} is beyond it"):
        score(load, numbered(count), np.zeros(count, np.int64), workers=workers)
    assert all(session.closed for session in made)


@pytest.mark.usefixtures("eager")
def test_a_session_that_cannot_be_loaded_leaves_none_open():
    own_first = Answering(np.zeros((99, 2)))
    loads = iter([own_first])

    def load():
        session = next(loads, None)
        if session is None:
            raise ValueError("no memory for another")
        return session

    with pytest.raises(ValueError, match="no memory"):
        score(load, numbered(99), np.zeros(99, np.int64), workers=2)
    assert own_first.closed


@pytest.mark.parametrize(
    ("present", "reason"),
    [((), "no class"), ((0, 2), "classes 0 to 2, the model 2"), ((-1, 1), "classes -1 to 1")],
)
def test_classes_that_the_model_does_not_have_are_refused(present, reason):
    with pytest.raises(ValueError, match=reason):
        score(
            lambda: Answering(np.zeros((1, 2))), numbered(1), np.zeros(1, np.int64), present=present
        )


def test_no_more_cores_are_counted_than_this_process_may_use():
    assert scoring.cores() >= 1
