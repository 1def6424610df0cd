"""How often the gate was right: shares with intervals, alone and inside a whole profile."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from random import Random

from scipy.stats import binomtest

from slimbench.calibrate import replay
from slimbench.calibrate.record import Found
from slimbench.calibrate.replay import Looks, SecondLook
from slimbench.gate.row import Verdict
from slimbench.gate.verdict import GRAVITY

PROFILE_CASES = 14
"""Comparisons that make a whole profile: as many as the default one has variants."""

DRAWS = 200
"""Profiles of nulls that are drawn; there are many more ways than comparisons."""


@dataclass(frozen=True, slots=True)
class Rate:
    """So many of so many."""

    count: int
    total: int

    @property
    def interval(self) -> tuple[float, float]:
        """The exact 95 % interval of the share (Clopper and Pearson 1934)."""
        found = binomtest(self.count, self.total).proportion_ci(0.95, method="exact")
        return float(found.low), float(found.high)


@dataclass(frozen=True, slots=True)
class Group:
    """Comparisons of one truth.

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


def judged_now(found: Iterable[Found]) -> list[Found]:
    """Judge raw ratios once more, so that a calibration speaks of the gate as it is today.

    What today's gate would look at again, and that one did not, is inconclusive.
    """
    judged = []
    for each in found:
        try:
            (row,) = replay.judge([Looks(each.first, each.second)], each.control)
        except SecondLook:
            judged.append(replace(each, verdict="inconclusive"))
        else:
            judged.append(
                replace(each, verdict=row.verdict, change=row.change, interval=row.interval)
            )
    return judged


def groups(found: Iterable[Found]) -> list[Group]:
    """Return what was said of each kind of comparison; nulls first, those beside a burner last."""
    kinds: dict[tuple[bool, int], list[Found]] = {}
    for each in found:
        kinds.setdefault((each.burner, each.slowdown), []).append(each)
    return [_group(slowdown, burner, kinds[burner, slowdown]) for burner, slowdown in sorted(kinds)]


def _group(slowdown: int, burner: bool, found: Sequence[Found]) -> Group:
    return Group(
        slowdown=slowdown,
        burner=burner,
        change=statistics.median(math.expm1(statistics.median(e.first.log_ratios)) for e in found),
        spread=statistics.median(statistics.stdev(e.first.log_ratios) for e in found),
        red=Rate(_count(found, "regression"), len(found)),
        inconclusive=Rate(_count(found, "inconclusive"), len(found)),
        unpaired=Rate(sum(each.unpaired_red for each in found), len(found)),
    )


def _count(found: Iterable[Found], verdict: Verdict) -> int:
    return sum(each.verdict == verdict for each in found)


@dataclass(frozen=True, slots=True)
class InProfile:
    """What a gate over a whole profile says in which one case was slowed, or none (0).

    `red` counts the slowed case itself; for no slowdown, any case. `others_red` are nulls that
    went red beside a slowed case.
    """

    slowdown: int
    red: Rate
    others_red: Rate
    inconclusive: Rate


def in_profiles(found: Sequence[Found], seed: int = 0, draws: int = DRAWS) -> list[InProfile]:
    """Judge every slowed comparison together with 13 nulls drawn at random, and nulls alone.

    All of a profile's suspects share the level, which is what makes this harder than a comparison
    alone. The control is that of the first one's batch. What was measured beside a burner is left
    out.
    """
    rng = Random(seed)  # noqa: S311  (a draw, no secret)
    usable = [each for each in found if not each.burner]
    nulls = [each for each in usable if each.slowdown == 0]
    sound = [each for each in nulls if not each.control_was_off]
    if len(sound) < PROFILE_CASES:
        return []
    drawn = [[rng.choice(nulls), *rng.sample(sound, PROFILE_CASES - 1)] for _ in range(draws)]
    profiles: dict[int, list[list[Found]]] = {0: drawn}
    for each in usable:
        if each.slowdown:
            profile = [each, *rng.sample(sound, PROFILE_CASES - 1)]
            profiles.setdefault(each.slowdown, []).append(profile)
    return [_in_profile(slowdown, profiles[slowdown]) for slowdown in sorted(profiles)]


def _in_profile(slowdown: int, profiles: Sequence[Sequence[Found]]) -> InProfile:
    verdicts = [_verdicts(profile) for profile in profiles]
    red = [each[0] == "regression" if slowdown else "regression" in each for each in verdicts]
    worst = [min(each, key=GRAVITY.index) for each in verdicts]
    return InProfile(
        slowdown,
        red=Rate(sum(red), len(red)),
        others_red=Rate(sum("regression" in each[1:] for each in verdicts), len(red)),
        inconclusive=Rate(sum(each == "inconclusive" for each in worst), len(red)),
    )


def _verdicts(profile: Sequence[Found]) -> list[Verdict]:
    """Judge a profile under the control of its first comparison."""
    looks = [Looks(each.first, each.second) for each in profile]
    try:
        return [row.verdict for row in replay.judge(looks, profile[0].control)]
    except SecondLook:
        return ["inconclusive"] * len(looks)
