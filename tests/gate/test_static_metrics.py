from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slimbench.gate import static_metrics
from slimbench.gate.findings import Finding
from slimbench.gate.limits import Limits
from slimbench.history.record import BudgetResult
from tests.gate import runs

SIZES = st.integers(1, 10**12)


def compared(metric: str, before: Any, after: Any, tolerance: float = 0.0) -> Finding:
    baseline, candidate = runs.run(), runs.run()
    runs.change(baseline, **{metric: before})
    runs.change(candidate, **{metric: after})
    row = static_metrics.compare(runs.pair(baseline, candidate), metric, tolerance)
    assert row is not None
    return row


@given(SIZES)
def test_one_byte_more_is_always_red_and_one_less_always_better(size: int) -> None:
    assert compared("size_bytes", size, size + 1).verdict == "regression"
    assert compared("size_bytes", size + 1, size).verdict == "improved"
    assert compared("size_bytes", size, size).verdict == "pass"


@given(SIZES, st.integers(0, 1000))
def test_a_tolerance_is_kept_to_the_byte(size: int, thousandths: int) -> None:
    tolerance = thousandths / 1000
    most = size + size * Fraction(thousandths, 1000) // 1
    assert compared("size_bytes", size, int(most), tolerance).verdict == "pass"
    assert compared("size_bytes", size, int(most) + 1, tolerance).verdict == "regression"


@given(st.floats(0, 1), st.floats(0, 1))
def test_a_loss_of_sparsity_is_worse_and_a_gain_is_not(before: float, after: float) -> None:
    verdict = compared("sparsity", before, after, 0.001).verdict
    loss = Fraction(before) - Fraction(after)
    limit = Fraction("0.001")
    expected = "regression" if loss > limit else "improved" if loss < -limit else "pass"
    assert verdict == expected


def test_the_change_is_relative_for_sizes_and_a_difference_for_shares() -> None:
    row = compared("size_bytes", 1000, 1250)
    assert row.change == 0.25
    assert row.reason == "+25 %, the tolerance is 0 %"
    row = compared("sparsity", 0.5, 0.25, 0.001)
    assert row.change == -0.25
    assert row.reason == "-25 points, the tolerance is 0.1 points"


def test_a_byte_of_a_large_file_is_not_rounded_to_nothing() -> None:
    assert "+0.000001 %" in compared("size_bytes", 10**8, 10**8 + 1).reason


def test_growth_from_nothing_is_red_without_a_percentage() -> None:
    row = compared("parameters", 0, 5, 0.5)
    assert (row.verdict, row.change, row.reason) == ("regression", None, "from 0 to 5")
    assert compared("parameters", 0, 0).verdict == "pass"


def test_a_value_that_vanished_is_an_error_and_one_that_appeared_is_new() -> None:
    row = compared("parameters", 5, None)
    assert row.verdict == "error"
    assert "nobody could tell" in row.reason
    assert compared("parameters", None, 5).verdict == "new"


def test_what_neither_side_has_is_not_a_row() -> None:
    assert (
        static_metrics.compare(runs.pair(runs.run(), runs.run()), "sparsity_prunable", 0.0) is None
    )


@pytest.mark.parametrize(("also_before", "verdict"), [(False, "regression"), (True, "pass")])
def test_a_budget_that_only_the_candidate_breaks_is_red_within_any_tolerance(
    also_before: bool, verdict: str
) -> None:
    baseline, candidate = (
        runs.change(runs.run(), size_bytes=1000),
        runs.change(runs.run(), size_bytes=1001),
    )
    broken = BudgetResult(runs.CASE, "size_bytes_max", 1000, 1001, "fail")
    rows = static_metrics.judge(
        runs.pair(baseline, candidate),
        Limits(size_growth_max=0.1),
        [broken] if also_before else [],
        [broken],
    )
    row = next(row for row in rows if row.metric == "size_bytes")
    assert row.verdict == verdict
    assert ("size_bytes_max = 1000" in row.reason) == (not also_before)


@pytest.mark.parametrize(
    ("size", "verdict"),
    [(3024, "pass"), (3025, "regression"), (1500, "pass"), (900, "improved")],
)
def test_a_kibibyte_passes_whatever_share_of_a_small_file_it_is(size: int, verdict: str) -> None:
    baseline, candidate = runs.run(), runs.run()
    runs.change(baseline, size_bytes=2000)
    runs.change(candidate, size_bytes=size)
    row = static_metrics.compare(runs.pair(baseline, candidate), "size_bytes", 0.001, 1024.0)
    assert row is not None
    assert row.verdict == verdict
