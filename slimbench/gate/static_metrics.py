"""What is counted and not timed: sizes, parameters, sparsity. Compared exactly."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from fractions import Fraction

from slimbench.budgets import kinds
from slimbench.gate.cases import Pair
from slimbench.gate.findings import Finding, Verdict, change_in_words, percent, points
from slimbench.gate.limits import Limits
from slimbench.history.record import BudgetResult
from slimbench.metrics import figure, figures
from slimbench.number_format import fixed
from slimbench.spec import Figure


def metrics() -> tuple[str, ...]:
    """Return the keys of all counts that have a better direction, then those of such shares."""
    counted = [one for one in figures().values() if one.is_counted]
    return tuple(one.key for one in sorted(counted, key=lambda one: one.unit == "share"))


def judge(
    pair: Pair,
    limits: Limits,
    baseline_budgets: Sequence[BudgetResult],
    candidate_budgets: Sequence[BudgetResult],
) -> list[Finding]:
    """Compare each exact metric of a pair.

    A regression is a change for the worse beyond the tolerance, or a budget of a size that the
    baseline kept and the candidate does not.
    """
    rows = []
    for metric in metrics():
        tolerance = limits.of(metric)
        row = None if tolerance is None else compare(pair, metric, tolerance)
        if row is not None:
            broken = _newly_broken(pair, metric, baseline_budgets, candidate_budgets)
            rows.append(_over_budget(row, broken) if broken else row)
    return rows


def compare(pair: Pair, metric: str, tolerance: float) -> Finding | None:
    """Compare one metric of a pair; None where neither side has it.

    `tolerance` is the change for the worse that still passes: relative for counts, absolute for
    shares. It is taken as the decimal it is written as, so 1 % of 500 bytes is 5 bytes.
    """
    baseline, candidate = pair.baseline.value(metric), pair.candidate.value(metric)
    if baseline is None and candidate is None:
        return None
    if baseline is None:
        reason = "the baseline has no value to compare with"
        return Finding(pair.case, metric, "new", reason, None, candidate)
    if candidate is None:
        why = pair.candidate.reason(metric)
        reason = f"the baseline has this value, the candidate does not: {why}"
        return Finding(pair.case, metric, "error", reason, baseline, None)
    worse, exact = _worse(figure(metric), Fraction(baseline), Fraction(candidate))
    allowed = Fraction(str(tolerance))
    verdict: Verdict = "pass"
    if worse > allowed:
        verdict = "regression"
    elif worse < -allowed:
        verdict = "improved"
    change = None if exact is None else float(exact)
    reason = _sentence(metric, change, tolerance, verdict, candidate)
    return Finding(pair.case, metric, verdict, reason, baseline, candidate, change)


def _worse(
    figure: Figure, baseline: Fraction, candidate: Fraction
) -> tuple[Fraction | float, Fraction | None]:
    """Return by how much it is worse and how it changed; infinitely, and None, from nothing."""
    sign = 1 if figure.better == "less" else -1
    change = candidate - baseline
    if figure.unit != "share" and change:
        if not baseline:
            return math.copysign(math.inf, sign * change), None
        change /= abs(baseline)
    return sign * change, change


def _sentence(
    metric: str, change: float | None, tolerance: float, verdict: Verdict, candidate: float
) -> str:
    if change is None:
        return f"from 0 to {fixed(candidate)}"
    is_share = figure(metric).unit == "share"
    allowed = points(tolerance) if is_share else percent(tolerance, sign=False)
    if verdict == "pass":
        return "unchanged" if not change else f"within the tolerance of {allowed.lstrip('+')}"
    said = change_in_words(metric, change)
    if verdict == "improved":
        return said
    return f"{said}, the tolerance is {allowed.lstrip('+')}"


def _newly_broken(
    pair: Pair,
    metric: str,
    baseline: Iterable[BudgetResult],
    candidate: Iterable[BudgetResult],
) -> BudgetResult | None:
    """Return a budget on the metric that fails now and did not in the baseline."""
    before = {each.budget for each in baseline if each.case == pair.case and each.verdict == "fail"}
    for each in candidate:
        if each.case != pair.case or each.verdict != "fail" or each.budget in before:
            continue
        kind = kinds().get(each.budget)
        if kind is not None and kind.figure.key == metric:
            return each
    return None


def _over_budget(row: Finding, broken: BudgetResult) -> Finding:
    said = f"its budget {broken.budget} = {fixed(broken.limit)} is broken"
    reason = f"{row.reason}; {said}" if row.verdict == "regression" else said
    return Finding(
        row.case, row.metric, "regression", reason, row.baseline, row.candidate, row.change
    )
