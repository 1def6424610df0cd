from __future__ import annotations

import base64
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from slimbench.budgets import kinds
from slimbench.choose.choice import OPTIONS, Limit, candidates, choose, make_limits, told_apart
from slimbench.errors import UsageProblem
from slimbench.report.pareto import Tradeoff, on_front
from slimbench.spec import Unmeasured
from tests import example_history
from tests.fresh_process import printed

SIZE, RATIO, ACCURACY = "--max-size-mb", "--max-latency-ratio", "--min-accuracy"

LIMIT_OPTIONS = {
    "size": SIZE,
    "ratio": RATIO,
    "accuracy": ACCURACY,
    "drop": "--max-accuracy-drop",
    "ms": "--max-latency-ms",
}


def chosen(run=None, **bounds):
    history = example_history.history(run)
    limits = make_limits({LIMIT_OPTIONS[name]: bound for name, bound in bounds.items()})
    return choose(candidates(history, "litert", 1), limits)


def name(entry):
    return None if entry is None else entry.case.variant


def score(run, variant, right):
    """Give a variant this many right answers, the first ones."""
    info = example_history.info(run, variant)
    flags = np.arange(example_history.IMAGES) < right
    interval = binomtest(right, len(flags)).proportion_ci(method="wilson")
    info["accuracy_top1"] = right / len(flags)
    info["accuracy_ci95"] = [float(interval.low), float(interval.high)]
    info["correct_bits"] = base64.b64encode(np.packbits(flags).tobytes()).decode()


def test_best_is_the_most_accurate_that_keeps_all_limits():
    assert name(chosen().best) == "student_distilled_f32"
    assert name(chosen(size=0.1).best) == "student_distilled_static_wi8_ai8"
    kept = chosen(size=30, ratio=0.3, accuracy=0.97)
    for entry in kept.candidates:
        ratio, size = 1 / entry.speedup, entry.size_bytes / 2**20
        if size <= 30 and ratio <= 0.3 and entry.accuracy_top1 >= 0.97:
            assert entry.accuracy_top1 <= kept.best.accuracy_top1


def test_of_equally_accurate_ones_the_faster_then_the_smaller_is_best():
    run = example_history.document()
    for variant in ("mobilenetv2_f32", "mobilenetv2_static_wi8_ai8"):
        score(run, variant, 499)
    assert name(chosen(run).best) == "mobilenetv2_static_wi8_ai8"
    speedup = example_history.info(run, "mobilenetv2_static_wi8_ai8")["speedup"]
    example_history.info(run, "mobilenetv2_f32")["speedup"] = speedup
    assert name(chosen(run).best) == "mobilenetv2_static_wi8_ai8"
    example_history.info(run, "mobilenetv2_f32")["size_bytes"] = 1000
    assert name(chosen(run).best) == "mobilenetv2_f32"


def test_a_faster_one_that_the_images_do_not_tell_apart_is_said_and_not_chosen():
    choice = chosen()
    assert name(choice.best) == "student_distilled_f32"
    assert [name(entry) for entry in choice.alike] == ["student_distilled_static_wi8_ai8"]
    run = example_history.document()
    score(run, "student_distilled_f32", 500)
    score(run, "student_distilled_static_wi8_ai8", 480)
    assert chosen(run).alike == ()


def test_answers_on_other_images_are_not_compared():
    run = example_history.document()
    example_history.info(run, "student_distilled_static_wi8_ai8")["eval_sha256"] = "0" * 64
    assert chosen(run).alike == ()
    entries = candidates(example_history.history(run), "litert", 1)
    assert told_apart(entries[-1], entries[0]) is None


def test_the_front_is_that_of_the_report():
    choice = chosen(accuracy=0.98)
    points = [
        Tradeoff(entry.size_bytes, 1 / entry.speedup, entry.accuracy_top1)
        for entry in choice.candidates
    ]
    expected = {
        name(entry) for entry, flag in zip(choice.candidates, on_front(points), strict=True) if flag
    }
    assert {name(entry) for entry in choice.front} == expected
    assert choice.best in choice.front
    assert choice.paired_times


def test_a_limit_costs_what_the_best_without_it_is_better_by():
    choice = chosen(size=0.1, ratio=0.5)
    size, ratio = choice.costs
    assert name(size.without) == "student_distilled_f32"
    assert size.gain == pytest.approx(1 / 500)
    assert size.p > 0.05
    assert ratio.without == choice.best


def test_a_limit_that_lacks_a_figure_does_not_keep_a_variant_out_without_it():
    run = example_history.document()
    example_history.unmeasure(run, "student_distilled_f32", "speedup", "timed out")
    choice = chosen(run, ratio=0.5)
    assert name(choice.best) == "student_distilled_static_wi8_ai8"
    assert [(each.variant, each.reason) for each in choice.unjudged] == [
        ("student_distilled_f32", "speedup: timed out")
    ]
    assert name(choice.costs[0].without) == "student_distilled_f32"
    assert name(chosen(run, size=5).best) == "student_distilled_f32"
    assert "student_distilled_f32" not in {name(entry) for entry in choice.front}


def test_without_accuracy_nothing_is_chosen():
    run = example_history.document()
    for variant in example_history.MODELS:
        for key in ("accuracy_top1", "accuracy_n", "accuracy_ci95", "correct_bits", "eval_sha256"):
            example_history.unmeasure(run, variant, key, "no images were given")
    choice = chosen(run, size=5)
    assert (choice.best, choice.nearest, choice.front) == (None, None, ())
    assert len(choice.unjudged) == len(example_history.MODELS)
    assert "no images were given" in choice.unjudged[0].reason


def test_where_nothing_keeps_all_limits_the_nearest_is_named_and_how_far_to_relax():
    choice = chosen(size=0.05, accuracy=0.98)
    assert choice.best is None
    assert name(choice.nearest.entry) == "student_distilled_static_wi8_ai8"
    (miss,) = choice.relaxations
    ((limit, value),) = miss.broken
    assert limit.option == "--max-size-mb"
    assert name(miss.entry) == "student_distilled_static_wi8_ai8"
    again = chosen(size=limit.relaxed(value), accuracy=0.98)
    assert name(again.best) == "student_distilled_static_wi8_ai8"


def test_where_no_single_limit_would_do_there_is_no_relaxation():
    choice = chosen(size=0.01, ms=0.00001)
    assert choice.best is None
    assert choice.relaxations == ()
    assert len(choice.nearest.broken) == 2
    assert [cost.without for cost in choice.costs] == [None, None]


@pytest.mark.parametrize("option", ["ratio", "drop"])
def test_a_limit_against_a_reference_that_is_not_there_is_refused(option):
    run = example_history.document()
    run["benchmarks"] = run["benchmarks"][1:]
    with pytest.raises(UsageProblem, match="is against resnet50_f32, which this run did not"):
        chosen(run, **{option: 0.2})
    assert chosen(run, size=5).best is not None


def test_without_any_paired_time_the_front_takes_medians_and_says_so():
    run = example_history.document()
    for variant in example_history.MODELS:
        example_history.unmeasure(run, variant, "speedup", "there is no reference")
    choice = chosen(run)
    assert not choice.paired_times
    assert "student_distilled_static_wi8_ai8" in {name(entry) for entry in choice.front}


def test_a_setting_that_was_not_measured_is_said_with_what_was():
    history = example_history.history(example_history.document(threads=(1, 2)))
    assert len(candidates(history, "litert", 2)) == len(example_history.MODELS)
    with pytest.raises(UsageProblem, match=r"--engine litert --threads 1, --engine litert"):
        candidates(history, "openvino", 1)


def test_a_choice_needs_neither_pytest_nor_tensorflow():
    program = """
import sys, slimbench.choose.render, slimbench.choose.choice
print(sorted({"pytest", "tensorflow", "tf_keras", "ai_edge_litert"} & set(sys.modules)))
"""
    assert printed(program).strip() == "[]"


def entry(variant="mobilenetv2_f32", run=None):
    history = example_history.history(run)
    return next(each for each in history.entries if each.case.variant == variant)


def test_every_option_is_a_budget_of_its_direction():
    for option, budget in OPTIONS.items():
        assert option.startswith(f"--{kinds()[budget].direction}-")


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
