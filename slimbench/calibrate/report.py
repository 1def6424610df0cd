"""A calibration as text: error rates, and the targets that the gate has to reach."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from tabulate import tabulate

from slimbench.calibrate.rates import Group, ProfileRates, Rate
from slimbench.calibrate.record import Calibration
from slimbench.gate.findings import percent

HEADERS = (
    "slower by",
    "comparisons",
    "measured",
    "gate: red",
    "gate: inconclusive",
    "median:10%: red",
)


@dataclass(frozen=True, slots=True)
class Target:
    """A limit on a rate; `reached` is None where too little was measured to say."""

    text: str
    measured: str
    reached: bool | None


def targets(groups: Sequence[Group], profiles: Sequence[ProfileRates]) -> list[Target]:
    """Hold the rates against what is asked of them."""
    red = {(group.burner, group.slowdown): group.red for group in groups}
    in_profile = {profile.slowdown: profile for profile in profiles}
    whole_profiles = [
        _at_least(
            f"red at {slowdown} % inside a whole profile",
            fewest,
            total,
            in_profile[slowdown].red if slowdown in in_profile else None,
        )
        for slowdown, fewest, total in ((5, 57, 60), (8, 60, 60), (20, 20, 20))
    ]
    inconclusive = in_profile[0].inconclusive if 0 in in_profile else None
    return [
        _at_most("false red of 300 nulls", 3, 300, red.get((False, 0))),
        _at_most("false red of 50 nulls beside a burner", 0, 50, red.get((True, 0))),
        _at_least("red at 5 %", 57, 60, red.get((False, 5))),
        _at_least("red at 8 %", 60, 60, red.get((False, 8))),
        _at_least("red at 20 %", 20, 20, red.get((False, 20))),
        _at_most("red at 2 %, inside the margin", 1, 60, red.get((False, 2))),
        *whole_profiles,
        _at_most("inconclusive whole profiles", 10, 200, inconclusive),
    ]


def _at_most(what: str, most: int, total: int, rate: Rate | None) -> Target:
    text = f"{what}: at most {most} of {total}"
    return _target(text, total, rate, rate is not None and rate.count * total <= most * rate.total)


def _at_least(what: str, fewest: int, total: int, rate: Rate | None) -> Target:
    text = f"{what}: at least {fewest} of {total}"
    return _target(
        text, total, rate, rate is not None and rate.count * total >= fewest * rate.total
    )


def _target(text: str, total: int, rate: Rate | None, reached: bool) -> Target:
    if rate is None:
        return Target(text, "not measured", None)
    measured = f"{rate.count} of {rate.total}"
    return Target(text, measured, reached if rate.total >= total else None)


def conditions(calibration: Calibration) -> str:
    """Say where and under what it was measured."""
    comparisons, about = calibration.comparisons, calibration.about
    others = [comparison.others for comparison in comparisons]
    spread = statistics.median(statistics.stdev(each.first.log_ratios) for each in comparisons)
    return (
        f"{len(comparisons)} comparisons on {about['cpu']}, LiteRT {about['runtime']}, begun "
        f"{about['begun'][:10]}. Meanwhile other programs used {statistics.median(others):.1f} "
        f"cores in the median batch and {max(others):.1f} in the busiest. One process's ratio had "
        f"a standard deviation of {percent(spread, sign=False)} in the median comparison. Verdicts "
        "are this version's, on the raw ratios."
    )


def rates_table(groups: Sequence[Group], style: str) -> str:
    """Return a row for each group; `style` is one of tabulate's formats."""
    rows = [
        (
            _slowdown(group.slowdown) + (", beside a burner" if group.burner else ""),
            group.red.total,
            percent(group.change),
            _share(group.red),
            _share(group.inconclusive),
            _share(group.unpaired),
        )
        for group in groups
    ]
    return tabulate(rows, HEADERS, tablefmt=style, disable_numparse=True)


def profiles_table(profiles: Sequence[ProfileRates], style: str) -> str:
    """Return what a gate over a whole profile says, a row for each slowdown of its one case."""
    rows = [
        (
            _slowdown(profile.slowdown),
            profile.red.total,
            _share(profile.red),
            _share(profile.others_red) if profile.slowdown else "",
            _share(profile.inconclusive),
        )
        for profile in profiles
    ]
    headers = ("one case slower by", "profiles", "red", "another case red", "inconclusive")
    return tabulate(rows, headers, tablefmt=style, disable_numparse=True)


def targets_table(targets: Sequence[Target], style: str) -> str:
    """Return each target and whether it is reached."""
    words = {True: "reached", False: "missed", None: "not enough was measured"}
    rows = [(target.text, target.measured, words[target.reached]) for target in targets]
    return tabulate(rows, ("aim", "found", ""), tablefmt=style, disable_numparse=True)


def _slowdown(percentage: int) -> str:
    return f"{percentage} %" if percentage else "nothing"


def _share(rate: Rate) -> str:
    low, high = rate.interval
    return f"{rate.count} ({100 * low:.1f} to {100 * high:.1f} %)"
