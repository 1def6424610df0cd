from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from slimbench.steps.distill import (
    Distill,
    TeacherAnswers,
    check_logits,
    check_soft,
    entropy,
    soften,
)
from slimbench.steps.training import Schedule
from tests.steps import small_chains as small

logits = arrays.arrays(
    np.float32,
    arrays.array_shapes(min_dims=1, max_dims=3, min_side=2, max_side=6),
    elements=st.floats(-20, 20, width=32),
)
temperatures = st.floats(0.5, 20)


@given(logits, temperatures)
def test_shares_are_positive_sum_to_one_and_keep_the_order(values, temperature):
    shares = soften(values, temperature)
    assert shares.shape == values.shape
    assert (shares > 0).all()
    assert shares.sum(axis=-1) == pytest.approx(1.0)
    largest = np.take_along_axis(values, shares.argmax(axis=-1)[..., np.newaxis], axis=-1)
    assert largest[..., 0] == pytest.approx(values.max(axis=-1), abs=1e-5)


@given(logits, st.floats(-500, 500))
def test_a_constant_added_to_all_logits_changes_nothing(values, constant):
    shifted = soften(values.astype(np.float64) + constant)
    assert shifted == pytest.approx(soften(values), abs=1e-9)


@pytest.mark.parametrize("size", [1e4, -1e4, 3e38])
def test_large_logits_overflow_nowhere(size):
    shares = soften(np.array([size, 0.0], np.float32))
    assert shares.tolist() == ([1.0, 0.0] if size > 0 else [0.0, 1.0])


@given(logits, st.floats(0.5, 10), st.floats(1.1, 10))
def test_a_higher_temperature_is_softer(values, temperature, times):
    spread = values.max(axis=-1) - values.min(axis=-1)
    assume((spread > 0.1).all())
    sharp = soften(values, temperature)
    below = np.where(values < values.max(axis=-1, keepdims=True), sharp, 0).sum(axis=-1)
    assume((below > 1e-9).all())  # else the classes of the highest logit have all there is to share
    assert entropy(soften(values, temperature * times)) > entropy(sharp)


@given(logits)
def test_entropy_is_between_nothing_and_that_of_an_even_answer(values):
    assert -1e-12 <= entropy(soften(values)) <= math.log(values.shape[-1]) + 1e-12


def test_entropy_of_known_answers():
    assert entropy(np.array([[0.0, 1.0, 0.0]])) == 0.0
    assert entropy(np.full((3, 8), 1 / 8)) == pytest.approx(math.log(8))
    assert entropy(np.array([[1.0, 0.0], [0.5, 0.5]])) == pytest.approx(math.log(2) / 2)


def test_softmax_of_known_logits():
    assert soften(np.log([1.0, 2.0, 5.0])) == pytest.approx([1 / 8, 2 / 8, 5 / 8])
    assert soften(np.log([1.0, 4.0]), 2.0) == pytest.approx([1 / 3, 2 / 3])


@given(logits)
def test_probabilities_are_refused_where_logits_are_due(values):
    probabilities = soften(values).astype(np.float32)
    with pytest.raises(ValueError, match="are probabilities"):
        check_logits(probabilities)
    with pytest.raises(ValueError, match="are probabilities"):
        check_soft(probabilities, 4.0)


@given(logits)
def test_logits_are_not_taken_for_probabilities(values):
    assume((values < 0).any() or (values > 1).any())
    check_logits(values)


def teacher(sure: float, images: int = 40, classes: int = 10) -> np.ndarray:
    """Return the logits of a teacher that is about this sure of one class of each image."""
    rng = np.random.default_rng(0)
    values = rng.normal(size=(images, classes))
    values[np.arange(images), rng.integers(0, classes, images)] += sure
    return values.astype(np.float32)


def test_a_good_temperature_passes_and_says_how_soft_it_is():
    seen = check_soft(teacher(sure=12), 4.0)
    assert seen["entropy_plain"] < seen["entropy_soft"] < seen["entropy_uniform"]
    assert seen["entropy_uniform"] == pytest.approx(math.log(10))
    assert seen["entropy_plain"] == pytest.approx(entropy(soften(teacher(sure=12))))


def test_the_views_of_a_teacher_are_checked_together():
    views = np.stack([teacher(sure=12), teacher(sure=12)])
    assert check_soft(views, 4.0) == pytest.approx(check_soft(teacher(sure=12), 4.0))


@pytest.mark.parametrize("temperature", [20.0, 1000.0])
def test_a_temperature_that_flattens_everything_is_refused(temperature):
    with pytest.raises(ValueError, match="flat") as caught:
        check_soft(teacher(sure=12), temperature)
    assert f"temperature {temperature:g}" in str(caught.value)


def test_a_teacher_that_knows_nothing_is_refused():
    with pytest.raises(ValueError, match="flat"):
        check_soft(teacher(sure=0) * 0.1, 1.0)


@pytest.mark.parametrize("temperature", [1.0, 2.0, 4.0])
def test_softening_what_was_softened_already_is_refused(temperature):
    """Softmax twice: the shares of a sure teacher become nearly even, and nothing says so."""
    once = soften(teacher(sure=12), temperature)
    assert entropy(soften(once, temperature)) > 0.95 * math.log(10)
    with pytest.raises(ValueError, match="a softmax of a softmax"):
        check_soft(once.astype(np.float32), temperature)


def test_an_answer_that_temperature_cannot_soften_is_refused():
    with pytest.raises(ValueError, match="as hard as they were"):
        check_soft(np.array([[0.0, 3e38], [3e38, 0.0]], np.float32), 2.0)


def test_a_student_must_be_shown_what_its_teacher_answered():
    other = TeacherAnswers(small.ALONE_FLOAT, small.COLOURS, views=5)
    with pytest.raises(ValueError, match="as many views"):
        Distill(small.COLOURS, other, small.RESNET, small.VIEWS)
    with pytest.raises(ValueError, match="fixed number of views"):
        Distill(small.COLOURS, small.ALONE, small.RESNET, Schedule(3, 12, 0.1))


def test_a_teacher_answers_every_view_and_its_softmax_is_undone(folder):
    logits = np.load(folder(small.ANSWERS) / "logits.npy")
    assert logits.shape == (small.VIEWS.views, 96, 3)
    assert np.exp(logits).sum(axis=-1) == pytest.approx(1, abs=1e-4)
    assert (logits[0] != logits[1]).any()
    assert not list(folder(small.ANSWERS).glob("view_*.npy"))
