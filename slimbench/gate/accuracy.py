"""Accuracy: the same images on both sides, so what counts is where they disagree.

Red needs McNemar's exact test to be significant *and* the drop to matter, since on many images an
immaterial drop is improbable too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from scipy import stats

from slimbench.gate import statistic
from slimbench.gate.cases import Pair
from slimbench.gate.findings import Finding, Verdict, interval_in_words, points
from slimbench.gate.limits import Limits
from slimbench.mcnemar import discordant, mcnemar
from slimbench.metrics.accuracy import TOP1

METRIC = TOP1.key
LEVEL = 0.01


@dataclass(frozen=True, slots=True)
class Disagreement:
    """On how many of `images` only one side was right."""

    baseline_only: int
    candidate_only: int
    images: int

    @property
    def change(self) -> Fraction:
        """Candidate share - baseline share."""
        return Fraction(self.candidate_only - self.baseline_only, self.images)

    def p_worse(self) -> float:
        """Return the exact one-sided p-value that the candidate is worse."""
        return mcnemar(self.baseline_only, self.candidate_only, "greater")

    def p_better(self) -> float:
        """Return the exact one-sided p-value that the candidate is better."""
        return mcnemar(self.candidate_only, self.baseline_only, "greater")

    def interval(self) -> tuple[float, float]:
        """Return a 95 % interval of the change, given how many images they disagree on.

        Clopper and Pearson's of the share of these that the candidate won: it says what the
        test says.
        """
        total = self.baseline_only + self.candidate_only
        if not total:
            return 0.0, 0.0
        won = stats.binomtest(self.candidate_only, total).proportion_ci(0.95, "exact")
        scale = total / self.images
        return (2 * float(won.low) - 1) * scale, (2 * float(won.high) - 1) * scale


def judge(
    pairs: Sequence[Pair], limits: Mapping[str, Limits], provenance: Callable[[Pair], str]
) -> list[Finding]:
    """Judge the accuracy of all pairs together; `provenance` says where a model comes from.

    Cases that only differ in threads or engine and answered alike are one comparison, so that
    measuring with more threads makes no test weaker.
    """
    rows, compared = [], []
    for pair in pairs:
        row = _unjudgeable(pair)
        if row is not None:
            rows.append(row)
        elif pair.baseline.correct_bits is not None and pair.candidate.correct_bits is not None:
            compared.append((pair, _disagreement(pair)))
    families = {_comparison(pair): found for pair, found in compared}
    worse = dict(zip(families, _adjusted(families, Disagreement.p_worse), strict=True))
    better = dict(zip(families, _adjusted(families, Disagreement.p_better), strict=True))
    for pair, found in compared:
        comparison, limit = _comparison(pair), limits[pair.case.variant].margin(METRIC)
        row = _row(pair, found, worse[comparison], better[comparison], limit)
        origin = provenance(pair)
        reason = f"{row.reason}; {origin}" if origin and row.change else row.reason
        rows.append(
            Finding(
                row.case,
                row.metric,
                row.verdict,
                reason,
                row.baseline,
                row.candidate,
                row.change,
                row.interval,
            )
        )
    return rows


def _unjudgeable(pair: Pair) -> Finding | None:
    """Return a row where a side cannot be judged image by image."""
    baseline, candidate = pair.baseline, pair.candidate
    shares = (baseline.accuracy_top1, candidate.accuracy_top1)
    if baseline.correct_bits is None and candidate.correct_bits is None and shares == (None, None):
        return None
    if baseline.correct_bits is None:
        reason = "the baseline has no answers to compare with"
        return Finding(pair.case, METRIC, "new", reason, *shares)
    if candidate.correct_bits is None:
        why = candidate.reasons.get("correct_bits", "no reason was recorded")
        reason = f"the baseline's answers were recorded, the candidate's were not: {why}"
        return Finding(pair.case, METRIC, "error", reason, *shares)
    if baseline.accuracy_n != candidate.accuracy_n or None in (
        baseline.eval_sha256,
        candidate.eval_sha256,
    ):
        reason = "the two were not scored on images that are known to be the same"
        return Finding(pair.case, METRIC, "error", reason, *shares)
    return None


def _disagreement(pair: Pair) -> Disagreement:
    before, after = pair.baseline.correct(), pair.candidate.correct()
    if before is None or after is None:
        raise ValueError(f"{pair.case.id} has answers but not their number")
    return Disagreement(*discordant(before, after), len(before))


def _comparison(pair: Pair) -> tuple[str, str, str]:
    return (
        pair.case.variant,
        pair.baseline.correct_bits or "",
        pair.candidate.correct_bits or "",
    )


def _adjusted(
    families: Mapping[tuple[str, str, str], Disagreement], p_value: Callable[[Disagreement], float]
) -> list[float]:
    return statistic.holm([p_value(found) for found in families.values()])


def _row(pair: Pair, found: Disagreement, worse: float, better: float, limit: float) -> Finding:
    change, allowed = found.change, Fraction(str(limit))
    verdict: Verdict = "pass"
    said = f"{points(float(change))} {interval_in_words(METRIC, found.interval())}"
    most = points(limit).removeprefix("+")
    if not change:
        reason = f"unchanged on {found.images} images"
    elif -change > allowed and worse <= LEVEL:
        verdict, reason = "regression", f"{said}, the limit is {most} (p = {worse:.2g})"
    elif -change > allowed:
        reason = f"{said}, beyond {most} but not significant on {found.images} images"
        reason += f" (p = {worse:.2g})"
    elif change > allowed and better <= LEVEL:
        verdict, reason = "improved", f"{said} (p = {better:.2g})"
    else:
        reason = f"{said}, within {most}" if change < 0 else said
    return Finding(
        pair.case,
        METRIC,
        verdict,
        reason,
        pair.baseline.accuracy_top1,
        pair.candidate.accuracy_top1,
        float(change),
        found.interval(),
    )
