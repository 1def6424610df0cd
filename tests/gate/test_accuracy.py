from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from slimbench.gate.accuracy import Disagreement, judge
from slimbench.gate.findings import Finding
from slimbench.gate.limits import Limits
from tests.gate import runs


def answered(images: int, wrong: int, *, also_right: int = 0) -> np.ndarray:
    """All right, but for the first `wrong`; the last tenth wrong, but for `also_right` of it."""
    correct = np.ones(images, bool)
    correct[-images // 10 :] = False
    correct[:wrong] = False
    correct[images - images // 10 : images - images // 10 + also_right] = True
    return correct


def judged(before: np.ndarray, after: np.ndarray, origin: str = "", limit: float = 0.01) -> Finding:
    pair = runs.pair(runs.answers(runs.run(), before), runs.answers(runs.run(), after))
    (row,) = judge([pair], {runs.VARIANT: Limits(accuracy_top1_loss_max=limit)}, lambda _: origin)
    return row


def test_three_points_of_ten_thousand_images_are_always_red() -> None:
    rng = np.random.default_rng(4)
    for _ in range(20):
        before = rng.random(10_000) < 0.9
        swapped = rng.choice(10_000, 400, replace=False)
        after = before.copy()
        after[swapped] = ~after[swapped]
        right = np.flatnonzero(after)
        more = max(0, int(after.sum() - before.sum()) + 300)
        after[rng.choice(right, more, replace=False)] = False
        row = judged(before, after)
        assert row.verdict == "regression"
        assert row.change is not None
        assert row.change <= -0.03


def test_a_drop_that_is_sure_but_small_passes() -> None:
    row = judged(answered(10_000, 0), answered(10_000, 100))
    assert (row.verdict, row.change) == ("pass", -0.01)
    row = judged(answered(10_000, 0), answered(10_000, 101))
    assert row.verdict == "regression"


def test_a_large_drop_on_few_images_is_not_significant_and_says_so() -> None:
    row = judged(answered(100, 0), answered(100, 4))
    assert row.verdict == "pass"
    assert "not significant on 100 images" in row.reason


def test_many_disagreements_that_cancel_are_no_drop() -> None:
    row = judged(answered(1000, 0), answered(1000, 60, also_right=60))
    assert (row.verdict, row.change) == ("pass", 0.0)
    assert row.interval is not None
    assert row.interval[0] < 0 < row.interval[1]


def test_a_gain_is_reported_as_one() -> None:
    assert judged(answered(1000, 50), answered(1000, 0)).verdict == "improved"


def test_a_model_that_was_retrained_says_so() -> None:
    row = judged(answered(1000, 0), answered(1000, 50), "retrained: the same chain")
    assert row.verdict == "regression"
    assert row.reason.endswith("retrained: the same chain")
    assert "retrained" not in judged(answered(99, 1), answered(99, 1), "retrained").reason


def test_the_more_variants_the_more_each_has_to_prove() -> None:
    names = [f"resnet50_{kind}" for kind in ("f32", "f16", "dynamic_wi8", "static_wi8_ai8")]
    before, after = runs.run(*names), runs.run(*names)
    for name in names:
        runs.answers(before, answered(500, 0), name)
        runs.answers(after, answered(500, 0), name)
    runs.answers(after, answered(500, 8), names[0])
    limits = dict.fromkeys(names, Limits())
    pairs = [runs.pair(before, after, name) for name in names]
    assert judge(pairs[:1], limits, lambda _: "")[0].verdict == "regression"
    assert judge(pairs, limits, lambda _: "")[0].verdict == "pass"


def test_measuring_with_more_threads_makes_no_test_weaker() -> None:
    from slimbench.gate.cases import Pair, require_complete
    from tests.example_history import document, history  # a run of several cases a variant

    counts = (1, 2, 3, 4)
    before, after = document(threads=counts), document(threads=counts)
    runs.answers(before, answered(500, 0))
    runs.answers(after, answered(500, 8))
    sides = [require_complete(history(each)) for each in (before, after)]
    pairs = [
        Pair(one, two)
        for one, two in zip(sides[0].entries, sides[1].entries, strict=True)
        if one.case.variant == runs.VARIANT
    ]
    rows = judge(pairs, {runs.VARIANT: Limits()}, lambda _: "")
    assert [row.verdict for row in rows] == ["regression"] * len(counts)


@pytest.mark.parametrize("key", ["correct_bits", "eval_sha256"])
def test_answers_that_are_gone_are_an_error(key: str) -> None:
    pair = runs.pair(runs.run(), runs.change(runs.run(), **{key: None}))
    assert judge([pair], {runs.VARIANT: Limits()}, lambda _: "")[0].verdict == "error"


def test_a_baseline_without_answers_judges_nothing() -> None:
    nothing = dict.fromkeys(
        ("correct_bits", "accuracy_top1", "accuracy_n", "accuracy_ci95", "eval_sha256")
    )
    before = runs.change(runs.run(), **nothing)
    limits = {runs.VARIANT: Limits()}
    assert judge([runs.pair(before, runs.run())], limits, lambda _: "")[0].verdict == "new"
    assert judge([runs.pair(before, before)], limits, lambda _: "") == []


@given(st.integers(0, 40), st.integers(0, 40))
def test_the_p_value_is_the_binomial_tail(lost: int, won: int) -> None:
    found = Disagreement(lost, won, 1000)
    expected = binom.sf(lost - 1, lost + won, 0.5) if lost + won else 1.0
    assert found.p_worse() == pytest.approx(expected)
    low, high = found.interval()
    assert low <= float(found.change) + 1e-12
    assert float(found.change) <= high + 1e-12
