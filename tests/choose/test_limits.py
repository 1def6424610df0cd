from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slimbench.choose.limits import OPTIONS, Limit, make_limits
from slimbench.errors import UsageProblem
from slimbench.spec import Unmeasured
from slimbench.suite.budgets import KINDS
from tests import example_history

SIZE, RATIO, ACCURACY = "--max-size-mb", "--max-latency-ratio", "--min-accuracy"


def entry(variant="mobilenetv2_f32", run=None):
    history = example_history.history(run)
    return next(each for each in history.entries if each.case.variant == variant)


def test_every_option_is_a_budget_of_its_direction():
    for option, budget in OPTIONS.items():
        assert option.startswith(f"--{KINDS[budget].direction}-")


def test_figures_are_those_that_budgets_compare():
    one = entry()
    assert Limit(SIZE, 1).figure(one) == one.size_bytes / 2**20
    assert Limit(RATIO, 1).figure(one) == 1 / one.speedup
    assert Limit(ACCURACY, 1).figure(one) == one.accuracy_top1
    assert Limit("--max-accuracy-drop", 1).figure(one) == one.accuracy_drop
    assert Limit("--max-latency-ms", 1).figure(one) == one.latency_ms.p50


def test_what_was_not_measured_has_no_figure_but_a_reason():
    run = example_history.document()
    example_history.unmeasure(run, "mobilenetv2_f32", "speedup", "the reference would not load")
    assert Limit(RATIO, 1).figure(entry(run=run)) == Unmeasured("the reference would not load")


def test_limits_that_were_not_given_are_none():
    assert make_limits({SIZE: None, RATIO: 0.2, ACCURACY: None}) == (Limit(RATIO, 0.2),)


@pytest.mark.parametrize(
    ("option", "bound", "said"),
    [
        (SIZE, -1.0, "--max-size-mb must be a number from 0 up, not -1.0"),
        (SIZE, 0.0, "--max-size-mb must be more than 0: nothing takes no space"),
        (RATIO, 0.0, "--max-latency-ratio must be more than 0: nothing takes no time"),
        (RATIO, math.nan, "--max-latency-ratio must be a number from 0 up, not nan"),
        ("--max-latency-ms", math.inf, "must be a number from 0 up, not inf"),
        (ACCURACY, 90.0, "is a share from 0 to 1, not 90; write 95 % as 0.95"),
        ("--max-accuracy-drop", -0.01, "must be a number from 0 up"),
    ],
)
def test_a_bound_that_is_none_is_refused(option, bound, said):
    with pytest.raises(UsageProblem) as caught:
        make_limits({option: bound})
    assert said in str(caught.value)


def test_a_share_may_be_bounded_by_nothing_and_everything():
    assert len(make_limits({ACCURACY: 0.0, "--max-accuracy-drop": 0.0})) == 2
    assert make_limits({ACCURACY: 1.0})


def test_on_the_bound_is_kept_and_beyond_is_not():
    assert Limit(SIZE, 5).excess(5) == 0
    assert Limit(SIZE, 5).excess(6) == pytest.approx(0.2)
    assert Limit(ACCURACY, 0.9).excess(0.95) == 0
    assert Limit(ACCURACY, 0.9).excess(0.88) == pytest.approx(0.02)


@given(st.sampled_from(sorted(OPTIONS)), st.floats(1e-6, 1e6), st.floats(1e-6, 1))
def test_a_relaxed_limit_lets_the_value_in_and_little_more(option, large, share):
    limit = Limit(option, 0.5)
    value = share if limit.kind.unit == "share" else large
    bound = limit.relaxed(value)
    assert Limit(option, bound).excess(value) == 0
    assert bound == pytest.approx(value, rel=0.01)
