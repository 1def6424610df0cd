from __future__ import annotations

import base64
import hashlib
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from slimbench import engines
from slimbench.engines.litert import ENGINE, LiteRT
from slimbench.history.flags import pack_flags, unpack_flags
from slimbench.measurement import scoring
from slimbench.metrics.accuracy import (
    ACCURACY_DROP,
    Accuracy,
    RestrictedAccuracy,
    evaluation_sha256,
    wilson_interval,
)
from slimbench.spec import Case, Unmeasured
from tests.metrics.subjects import HandmadeSubject, read
from tests.tiny_models import Quantized, first_pixels, linear_model


def images_answered(*answers: int) -> np.ndarray:
    """Images whose brightest value, so whose class under `first_pixels`, is this one."""
    images = np.zeros((len(answers), 4, 4, 3), np.uint8)
    for image, answer in zip(images, answers, strict=True):
        image.reshape(-1)[answer] = 200
    return images


@pytest.mark.parametrize("quantized", [None, Quantized("int8", 1.0, -128)])
def test_right_answers_are_counted_by_running_the_model(tmp_path, quantized):
    model = linear_model(tmp_path / "m.tflite", first_pixels(3), quantized=quantized)
    images = images_answered(0, 1, 2, 2, 1)
    labels = np.array([0, 1, 2, 0, 0], np.int64)
    subject = HandmadeSubject(ENGINE.load(model, 1), model=model, images=images, labels=labels)
    reading = Accuracy().read(subject)
    assert set(reading) == set(Accuracy.keys)
    assert reading["accuracy_top1"] == 0.6
    assert reading["accuracy_n"] == 5
    assert reading["accuracy_ci95"] == pytest.approx([0.23072, 0.88238], abs=1e-5)
    assert base64.b64decode(reading["correct_bits"]) == bytes([0b11100000])
    assert reading["eval_sha256"] == evaluation_sha256(images, labels)


def test_wilson_interval_of_eight_in_ten():
    # z = 1.959964: centre (0.8 + z²/20) / (1 + z²/10), half width z·sqrt(0.016 + z²/400) / (…)
    assert wilson_interval(8, 10) == pytest.approx((0.490162, 0.943318), abs=1e-6)


@given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_interval_solves_its_equation(counts):
    # Both ends p satisfy |share - p| = z · sqrt(p (1 - p) / n), Wilson's definition.
    correct, total = counts
    for end in wilson_interval(correct, total):
        if 0 < end < 1:
            spread = 1.959963984540054 * math.sqrt(end * (1 - end) / total)
            assert abs(correct / total - end) == pytest.approx(spread, rel=1e-6, abs=1e-9)
        else:
            assert end in (0, 1)
            assert correct / total == end


@given(hnp.arrays(np.bool_, st.integers(1, 300)))
def test_which_images_were_right_can_be_unpacked(flags):
    assert np.array_equal(unpack_flags(pack_flags(flags), len(flags)), flags)


def test_the_first_image_is_the_most_significant_bit():
    assert base64.b64decode(pack_flags(np.array([True] + [False] * 8))) == b"\x80\x00"


def test_evaluation_hash_is_of_pixels_then_labels_in_c_order():
    images = np.arange(2 * 2 * 3 * 1, dtype=np.uint8).reshape(2, 2, 3, 1)
    labels = np.array([1, 258], np.int64)
    expected = hashlib.sha256(
        bytes(range(12)) + b"\x01" + bytes(7) + b"\x02\x01" + bytes(6)
    ).hexdigest()
    assert evaluation_sha256(images, labels) == expected
    assert evaluation_sha256(np.asfortranarray(images), labels) == expected
    assert evaluation_sha256(images, labels.astype(np.int32)) == expected


@pytest.mark.parametrize(
    ("images", "labels", "reason"),
    [
        (images_answered(0, 1), [0], "2 images"),
        (images_answered(), [], "0 images"),
        (images_answered(0, 1), [0, 3], "image 1 has label 3, the model 3 classes"),
        (images_answered(0, 1), [-1, 0], "image 0 has label -1"),
    ],
)
def test_labels_that_cannot_be_the_models_are_refused(tmp_path, images, labels, reason):
    model = linear_model(tmp_path / "m.tflite", first_pixels(3))
    subject = HandmadeSubject(
        ENGINE.load(model, 1), model=model, images=images, labels=np.array(labels, np.int64)
    )
    with pytest.raises(ValueError, match=rf"^\w+: .*m\.tflite cannot be scored: {reason}"):
        Accuracy().read(subject)


def test_images_larger_than_the_memory_are_hashed_piece_by_piece(tmp_path):
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (150, 5, 4, 3), np.uint8), np.arange(150)
    np.save(tmp_path / "images.npy", images)
    mapped = np.load(tmp_path / "images.npy", mmap_mode="r")
    whole = hashlib.sha256(images.tobytes() + labels.astype("<i8").tobytes()).hexdigest()
    assert evaluation_sha256(mapped, labels) == whole
    with pytest.raises(TypeError):
        evaluation_sha256(images.astype(np.int16), labels)


def test_the_session_that_is_timed_scores_and_stays_open(tmp_path):
    model = linear_model(tmp_path / "m.tflite", first_pixels(3))
    fed = []

    class Watched:
        def __init__(self, session):
            self._session = session
            self.scores, self.close = session.scores, session.close

        def feed(self, image):
            fed.append(image)
            self._session.feed(image)

        def invoke(self):
            self._session.invoke()

    session = Watched(ENGINE.load(model, 1))
    images, labels = images_answered(0, 1, 2), np.array([0, 1, 1], np.int64)
    subject = HandmadeSubject(session, model=model, images=images, labels=labels)
    assert Accuracy().read(subject)["accuracy_top1"] == pytest.approx(2 / 3)
    assert len(fed) == 3
    session.invoke()


class Counting(LiteRT):
    """LiteRT under another name, which counts what it loads."""

    name = "counting"

    def __init__(self, in_parallel):
        self.scores_in_parallel = in_parallel
        self.loaded = []

    def load(self, model, threads, pixels="raw"):
        self.loaded.append((threads, pixels))
        return super().load(model, threads, pixels)


@pytest.mark.parametrize(
    ("in_parallel", "threads", "loaded"),
    [
        (True, 1, [(1, "0..1")] * 3),  # beside the one that is timed
        (True, 2, [(1, "0..1")] * 4),  # that one has the threads of two workers
        (False, 1, []),
        (False, 2, []),
    ],
)
def test_all_cores_score_where_the_engine_can_be_used_so(
    tmp_path, monkeypatch, in_parallel, threads, loaded
):
    engine = Counting(in_parallel)
    monkeypatch.setattr(engines, "all_engines", lambda: {"counting": engine})
    monkeypatch.setattr(scoring, "cores", lambda: 4)
    monkeypatch.setattr(scoring, "SECONDS_EACH", 1e-12)
    subject = HandmadeSubject(
        engine.load(linear_model(tmp_path / "m.tflite", first_pixels(3)), threads),
        case=Case("student_f32", "counting", threads),
        model=tmp_path / "m.tflite",
        images=images_answered(*[0, 1, 2] * 20),
        labels=np.array([0, 1, 1] * 20, np.int64),
        pixels="0..1",
    )
    engine.loaded.clear()
    assert Accuracy().read(subject)["accuracy_top1"] == pytest.approx(2 / 3)
    assert engine.loaded == loaded


def test_what_cannot_be_counted_is_null_with_its_reason(tmp_path):
    subject = HandmadeSubject(
        model=tmp_path / "not_even_loaded.tflite",
        images=np.empty((0, 4, 4, 3), np.uint8),
        labels=np.empty(0, np.int64),
        no_accuracy_reason="its weights are random",
    )
    assert Accuracy().read(subject) == dict.fromkeys(
        Accuracy.keys, Unmeasured("its weights are random")
    )


def test_among_the_classes_in_the_data_more_is_right(tmp_path):
    model = linear_model(tmp_path / "m.tflite", first_pixels(4))
    images = images_answered(0, 1, 2, 3)  # classes 1 and 3 occur in the data, the model knows 4
    images[2].reshape(-1)[1] = 100
    labels = np.array([1, 1, 1, 3], np.int64)
    subject = HandmadeSubject(
        ENGINE.load(model, 1), model=model, images=images, labels=labels, present=(1, 3)
    )
    subject.values = dict(Accuracy().read(subject))
    assert subject.values["accuracy_top1"] == 0.5
    # The first image has 0 for both, and the first of equals is 1.
    reading = read(RestrictedAccuracy(), subject)
    assert reading["accuracy_top1_present"] == 1.0
    assert reading["accuracy_top1_present_ci95"] == list(wilson_interval(4, 4))


def test_where_all_classes_are_present_there_is_no_second_share(tmp_path):
    model = linear_model(tmp_path / "m.tflite", first_pixels(3))
    subject = HandmadeSubject(ENGINE.load(model, 1), model=model)
    subject.values = dict(Accuracy().read(subject))
    reason = Unmeasured("all classes of the model are present")
    assert read(RestrictedAccuracy(), subject) == {
        "accuracy_top1_present": reason,
        "accuracy_top1_present_ci95": reason,
    }


def test_scores_that_are_not_numbers_are_no_answer(tmp_path):
    weights = first_pixels(3)
    weights[1] = np.nan
    session = ENGINE.load(linear_model(tmp_path / "m.tflite", weights), 1)
    with pytest.raises(ValueError, match="scores of image 0 are not numbers"):
        scoring.score(lambda: session, images_answered(0), np.zeros(1, np.int64))


def test_accuracy_drop_is_what_the_reference_has_more():
    reference = HandmadeSubject(values={"accuracy_top1": 0.75})
    subject = HandmadeSubject(reference=reference, values={"accuracy_top1": 0.5})
    assert ACCURACY_DROP.read(subject) == {"accuracy_drop": 0.25}
    reference.reference = reference
    assert ACCURACY_DROP.read(reference) == {"accuracy_drop": 0}


def test_accuracy_drop_without_a_reference_says_why():
    subject = HandmadeSubject(reference_reason="resnet50_f32 failed to convert")
    assert ACCURACY_DROP.read(subject) == {
        "accuracy_drop": Unmeasured("resnet50_f32 failed to convert")
    }


def test_accuracy_drop_passes_on_why_a_share_is_missing():
    missing = Unmeasured("no labels")
    reference = HandmadeSubject(values={"accuracy_top1": missing})
    subject = HandmadeSubject(reference=reference, values={"accuracy_top1": 0.5})
    assert ACCURACY_DROP.read(subject) == {"accuracy_drop": missing}
