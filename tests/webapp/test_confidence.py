from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.special import softmax

from slimbench.webapp.page import is_low, shares


def test_logits_become_their_softmax() -> None:
    logits = np.array([2.0, -1.0, 0.5], np.float32)
    assert shares(logits) == pytest.approx(softmax(logits.astype(float)))


def test_probabilities_stay_as_they_are() -> None:
    steps = np.array([215, 41, 0, 0], np.float32) / 256
    assert shares(steps) == pytest.approx([0.83984375, 0.16015625, 0, 0])


@given(st.lists(st.floats(-1e4, 1e4, width=32), min_size=1, max_size=30))
@example([0.0, 1.1754943508222875e-38])
def test_shares_are_shares_and_keep_the_order(scores: list[float]) -> None:
    found = shares(np.array(scores, np.float32))
    assert np.all((found >= 0) & (found <= 1))
    assert found.sum() == pytest.approx(1, abs=0.05)
    assert np.all(np.diff(found[np.argsort(scores)]) >= 0)  # near scores may have equal shares


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ([0.9, 0.1], False),
        ([0.6, 0.3, 0.1], False),
        ([0.49, 0.1, 0.1], True),
        ([0.55, 0.45], True),
        ([0.1, 0.2, 0.7], False),
        ([1.0], False),
    ],
)
def test_an_answer_is_low_below_half_or_when_hardly_ahead(
    found: list[float], expected: bool
) -> None:
    assert is_low(np.array(found)) is expected
