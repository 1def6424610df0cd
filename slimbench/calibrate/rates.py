"""Error rates of the gate, with intervals: of single comparisons and inside a whole profile.

Verdicts are the gate's own code applied to recorded ratios. So a calibration says what the gate
would have said, and from the same ratios also what it would have said of a whole profile.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random

from scipy.stats import binomtest

from slimbench.calibrate.record import Comparison, Measurement
from slimbench.gate import latency
from slimbench.gate.cases import Pair
from slimbench.gate.findings import GRAVITY, Finding, Verdict
from slimbench.gate.limits import Limits
from slimbench.gate.timer import MEDIAN_LATENCY, FilePair, Paired, Readings
from slimbench.history.record import Entry, Latency
from slimbench.paths import CODE
from slimbench.spec import Advance, Case

PROFILE_CASES = 14
"""Comparisons that make a whole profile: as many as the default one has variants."""

DRAWS = 200
"""Profiles of nulls that are drawn; there are many more ways than comparisons."""


@dataclass(frozen=True, slots=True)
class Stages:
    """What was measured of one comparison; `second` is None where no second stage was timed."""

    first: Measurement
    second: Measurement | None


class SecondStageMissing(Exception):
    """The gate asks for a second stage that was not timed."""


def judge(comparisons: Sequence[Stages], control: Measurement) -> list[Finding]:
    """Judge comparisons as the cases of one run; returns a row for each, in their order.

    Raises:
        SecondStageMissing: One is a suspect and has no second stage.
    """
    cases = [Case(f"comparison{number}", "litert", 1) for number in range(len(comparisons))]
    entries = [
        _entry(case, stages.first.baseline_ms)
        for case, stages in zip(cases, comparisons, strict=True)
    ]
    judged = latency.judge(
        [Pair(entry, entry) for entry in entries],
        [FilePair(case, CODE, CODE) for case in cases],
        limits={case.variant: Limits() for case in cases},
        processes=len(control.log_ratios),
        measure=_Replay(dict(zip(cases, comparisons, strict=True)), control),
        advance=_no_progress,
    )
    rows = {row.case: row for row in judged.rows if row.metric == MEDIAN_LATENCY}
    return [rows[case] for case in cases]


class _Replay:
    """A `slimbench.gate.latency.Measure` that returns recorded times."""

    def __init__(self, comparisons: Mapping[Case, Stages], control: Measurement) -> None:
        self._comparisons = comparisons
        self._control = control
        self._first_stage_done = False

    def __call__(
        self,
        pairs: Sequence[FilePair],
        processes: int,  # noqa: ARG002 - as many as were recorded
        advance: Advance,  # noqa: ARG002
    ) -> list[Readings]:
        """Return the first stage, in which the control comes last, then the second."""
        if not self._first_stage_done:
            self._first_stage_done = True
            first = [_readings(self._comparisons[pair.case].first) for pair in pairs[:-1]]
            return [*first, _readings(self._control)]
        second = [self._comparisons[pair.case].second for pair in pairs]
        if any(measurement is None for measurement in second):
            raise SecondStageMissing
        return [_readings(measurement) for measurement in second if measurement is not None]


def _readings(measurement: Measurement) -> Readings:
    return tuple(
        {MEDIAN_LATENCY: Paired(baseline, baseline * math.exp(ratio), ratio)}
        for baseline, ratio in zip(measurement.baseline_ms, measurement.log_ratios, strict=True)
    )


def _no_progress(done: float, total: float, note: str = "") -> None:
    """Recorded times take no time."""


def _entry(case: Case, times_ms: Sequence[float]) -> Entry:
    """Return a history's entry in which nothing but the time was measured."""
    p50 = sorted(times_ms)[len(times_ms) // 2]
    return Entry(
        case=case,
        reference=case.variant,
        profile="calibration",
        dataset="none",
        input_shape=(),
        model_sha256="",
        model_file="",
        size_bytes=None,
        size_gzip_bytes=None,
        parameters=None,
        sparsity=None,
        sparsity_prunable=None,
        accuracy_top1=None,
        accuracy_n=None,
        accuracy_ci95=None,
        correct_bits=None,
        eval_sha256=None,
        latency_ms=Latency(p50, p50, p50, None, p50, len(times_ms)),
        init_ms=None,
        first_invoke_ms=None,
        peak_rss_mb=None,
        speedup=None,
        size_ratio=None,
        accuracy_drop=None,
        reasons={},
        samples=(),
    )


@dataclass(frozen=True, slots=True)
class Rate:
    """A share as the `count` of `total`."""

    count: int
    total: int

    @property
    def interval(self) -> tuple[float, float]:
        """The exact 95 % interval of the share (Clopper and Pearson 1934)."""
        interval = binomtest(self.count, self.total).proportion_ci(0.95, method="exact")
        return float(interval.low), float(interval.high)


@dataclass(frozen=True, slots=True)
class Group:
    """Comparisons with the same slowdown, all beside the burner or none.

    `change` is the median of what was measured, `spread` the median standard deviation of a
    process's log ratio, `unpaired` how often pytest-benchmark's rule went red.
    """

    slowdown: int
    burner: bool
    change: float
    spread: float
    red: Rate
    inconclusive: Rate
    unpaired: Rate


def judge_again(comparisons: Iterable[Comparison]) -> list[Comparison]:
    """Judge recorded ratios by the gate as it is today.

    What today's gate would time a second time, and the recording one did not, is inconclusive.
    """
    judged = []
    for comparison in comparisons:
        stages = Stages(comparison.first, comparison.second)
        try:
            (row,) = judge([stages], comparison.control)
        except SecondStageMissing:
            judged.append(replace(comparison, verdict="inconclusive"))
        else:
            judged.append(
                replace(comparison, verdict=row.verdict, change=row.change, interval=row.interval)
            )
    return judged


def groups(comparisons: Iterable[Comparison]) -> list[Group]:
    """Return each group's rates; those without a slowdown first, those beside a burner last."""
    kinds: dict[tuple[bool, int], list[Comparison]] = {}
    for comparison in comparisons:
        kinds.setdefault((comparison.burner, comparison.slowdown), []).append(comparison)
    return [_group(slowdown, burner, kinds[burner, slowdown]) for burner, slowdown in sorted(kinds)]


def _group(slowdown: int, burner: bool, members: Sequence[Comparison]) -> Group:
    log_ratios = [comparison.first.log_ratios for comparison in members]
    return Group(
        slowdown=slowdown,
        burner=burner,
        change=statistics.median(math.expm1(statistics.median(ratios)) for ratios in log_ratios),
        spread=statistics.median(statistics.stdev(ratios) for ratios in log_ratios),
        red=_rate(comparison.verdict == "regression" for comparison in members),
        inconclusive=_rate(comparison.verdict == "inconclusive" for comparison in members),
        unpaired=_rate(comparison.unpaired_red for comparison in members),
    )


def _rate(flags: Iterable[bool]) -> Rate:
    outcomes = list(flags)
    return Rate(sum(outcomes), len(outcomes))


@dataclass(frozen=True, slots=True)
class ProfileRates:
    """What a gate over a whole profile says in which one case was slowed, or none (0).

    `red` counts the slowed case itself; for no slowdown, any case. `others_red` are nulls that
    went red beside a slowed case.
    """

    slowdown: int
    red: Rate
    others_red: Rate
    inconclusive: Rate


def in_profiles(
    comparisons: Sequence[Comparison], seed: int = 0, draws: int = DRAWS
) -> list[ProfileRates]:
    """Judge every slowed comparison together with 13 nulls drawn at random, and nulls alone.

    All suspects of a profile share one error rate (Holm), which is what makes this harder than a
    comparison alone. The control is that of the first one's batch. What was measured beside a
    burner is left out.
    """
    rng = Random(seed)  # noqa: S311  (a draw, no secret)
    usable = [comparison for comparison in comparisons if not comparison.burner]
    nulls = [comparison for comparison in usable if comparison.slowdown == 0]
    sound = [comparison for comparison in nulls if not comparison.control_was_off]
    if len(sound) < PROFILE_CASES:
        return []
    drawn = [[rng.choice(nulls), *rng.sample(sound, PROFILE_CASES - 1)] for _ in range(draws)]
    profiles: dict[int, list[list[Comparison]]] = {0: drawn}
    for comparison in usable:
        if comparison.slowdown:
            profile = [comparison, *rng.sample(sound, PROFILE_CASES - 1)]
            profiles.setdefault(comparison.slowdown, []).append(profile)
    return [_profile_rates(slowdown, profiles[slowdown]) for slowdown in sorted(profiles)]


def _profile_rates(slowdown: int, profiles: Sequence[Sequence[Comparison]]) -> ProfileRates:
    verdicts = [_verdicts(profile) for profile in profiles]
    worst = [min(of_cases, key=GRAVITY.index) for of_cases in verdicts]
    return ProfileRates(
        slowdown,
        red=_rate(
            "regression" in (of_cases[:1] if slowdown else of_cases) for of_cases in verdicts
        ),
        others_red=_rate("regression" in of_cases[1:] for of_cases in verdicts),
        inconclusive=_rate(verdict == "inconclusive" for verdict in worst),
    )


def _verdicts(profile: Sequence[Comparison]) -> list[Verdict]:
    """Judge a profile under the control of its first comparison."""
    comparisons = [Stages(comparison.first, comparison.second) for comparison in profile]
    try:
        return [row.verdict for row in judge(comparisons, profile[0].control)]
    except SecondStageMissing:
        return ["inconclusive"] * len(comparisons)
