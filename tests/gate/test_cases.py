from __future__ import annotations

import pytest

from slimbench.errors import UsageProblem
from slimbench.gate.cases import pair_up
from slimbench.spec import Case
from tests.example_history import document
from tests.gate import runs


def test_the_same_cases_are_paired_whatever_their_order() -> None:
    before, after = document(threads=(1, 2)), document(threads=(2, 1))
    pairing = pair_up(runs.side(before), runs.side(after))
    assert pairing.rows == ()
    assert len(pairing.pairs) == len(before["benchmarks"])
    assert all(pair.baseline.case == pair.candidate.case for pair in pairing.pairs)
    assert all(pair.same_file for pair in pairing.pairs)


def test_a_case_that_is_gone_is_an_error_that_says_why_it_is_missing() -> None:
    after = runs.run("resnet50_f32")
    after["slimbench"]["missing"] = [
        {"variant": "mobilenetv2_f32", "reason": "the weights are not there."}
    ]
    pairing = pair_up(runs.side(runs.run("resnet50_f32", "mobilenetv2_f32")), runs.side(after))
    (row,) = pairing.rows
    assert (row.case.variant, row.verdict) == ("mobilenetv2_f32", "error")
    assert "the weights are not there" in row.reason
    assert len(pairing.pairs) == 1


def test_a_case_that_was_not_there_is_new_and_not_judged() -> None:
    before, after = runs.run("resnet50_f32"), runs.run("resnet50_f32", "mobilenetv2_f32")
    pairing = pair_up(runs.side(before), runs.side(after))
    (row,) = pairing.rows
    assert (row.case, row.verdict) == (Case("mobilenetv2_f32", "litert", 1), "new")


def test_a_run_with_other_threads_has_other_cases() -> None:
    pairing = pair_up(runs.side(document(threads=(1,))), runs.side(document(threads=(2,))))
    assert pairing.pairs == ()
    assert {row.verdict for row in pairing.rows} == {"error", "new"}


@pytest.mark.parametrize(("key", "value"), [("eval_sha256", "0" * 64), ("dataset", "fashion")])
def test_other_data_is_an_error_and_no_comparison(key: str, value: str) -> None:
    after = runs.change(runs.run(), **{key: value})
    pairing = pair_up(runs.side(runs.run()), runs.side(after))
    (row,) = pairing.rows
    assert (row.metric, row.verdict) == (key, "error")
    assert pairing.pairs == ()


def test_another_profile_is_refused() -> None:
    with pytest.raises(UsageProblem, match=r"profile digits.*cifar10"):
        pair_up(runs.side(document()), runs.side(document(profile="cifar10")))


@pytest.mark.parametrize("status", ["partial", "interrupted"])
def test_a_run_that_is_not_whole_is_refused(status: str) -> None:
    with pytest.raises(UsageProblem, match=rf"{status}.*whole runs"):
        runs.side(document(status=status))
