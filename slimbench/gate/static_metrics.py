"""What is counted and not timed: sizes, parameters, sparsity. Compared exactly."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction

from slimbench.gate.cases import Pair
from slimbench.gate.findings import SHARES, Finding, Verdict, change_in_words, percent, points
from slimbench.gate.limits import Limits
from slimbench.history.record import BudgetResult
from slimbench.number_format import fixed
from slimbench.suite.budgets import KINDS

METRICS = ("size_bytes", "size_gzip_bytes", "parameters", "sparsity", "sparsity_prunable")


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
    for metric in METRICS:
        row = compare(pair, metric, limits.tolerance(metric))
        if row is not None:
            broken = _newly_broken(pair, metric, baseline_budgets, candidate_budgets)
            rows.append(_over_budget(row, broken) if broken else row)
    return rows


def compare(pair: Pair, metric: str, tolerance: float) -> Finding | None:
    """Compare one metric of a pair; None where neither side has it.

    `tolerance` is the change for the worse that still passes: relative for counts, absolute for
    shares. It is taken as the decimal it is written as, so 1 % of 500 bytes is 5 bytes.
    """
    baseline, candidate = getattr(pair.baseline, metric), getattr(pair.candidate, metric)
    if baseline is None and candidate is None:
        return None
    if baseline is None:
        reason = "the baseline has no value to compare with"
        return Finding(pair.case, metric, "new", reason, None, candidate)
    if candidate is None:
        why = pair.candidate.reasons.get(metric, "no reason was recorded")
        reason = f"the baseline has this value, the candidate does not: {why}"
        return Finding(pair.case, metric, "error", reason, baseline, None)
    worse, exact = _worse(metric, Fraction(baseline), Fraction(candidate))
    allowed = Fraction(str(tolerance))
    verdict: Verdict = "pass"
    if worse is None or worse > allowed:
        verdict = "regression"
    elif worse < -allowed:
        verdict = "improved"
    change = None if exact is None else float(exact)
    reason = _sentence(metric, change, tolerance, verdict, candidate)
    return Finding(pair.case, metric, verdict, reason, baseline, candidate, change)


def _worse(
    metric: str, baseline: Fraction, candidate: Fraction
) -> tuple[Fraction | None, Fraction | None]:
    """Return by how much it is worse and how it changed; None for growth from nothing."""
    if metric in SHARES:
        return baseline - candidate, candidate - baseline
    if not baseline:
        return (None, None) if candidate else (Fraction(0), Fraction(0))
    change = candidate / baseline - 1
    return change, change


def _sentence(
    metric: str, change: float | None, tolerance: float, verdict: Verdict, candidate: float
) -> str:
    if change is None:
        return f"from 0 to {fixed(candidate)}"
    allowed = points(tolerance) if metric in SHARES else percent(tolerance, sign=False)
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
        if each.budget in KINDS and KINDS[each.budget].metric == metric:
            return each
    return None


def _over_budget(row: Finding, broken: BudgetResult) -> Finding:
    said = f"its budget {broken.budget} = {fixed(broken.limit)} is broken"
    reason = f"{row.reason}; {said}" if row.verdict == "regression" else said
    return Finding(
        row.case, row.metric, "regression", reason, row.baseline, row.candidate, row.change
    )
