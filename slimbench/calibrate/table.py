"""A calibration as text: what was true, what the gate said, what pytest-benchmark said."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from tabulate import tabulate

from slimbench.calibrate.aims import Aim
from slimbench.calibrate.rates import Group, InProfile, Rate
from slimbench.calibrate.record import Calibration
from slimbench.gate.row import percent

HEADERS = (
    "slower by",
    "comparisons",
    "measured",
    "gate: red",
    "gate: inconclusive",
    "median:10%: red",
)


def about(calibration: Calibration) -> str:
    """Say where and under what it was taken."""
    found, head = calibration.found, calibration.about
    others = statistics.median(each.others for each in found)
    most = max(each.others for each in found)
    spread = statistics.median(statistics.stdev(each.first.log_ratios) for each in found)
    return (
        f"{len(found)} comparisons on {head['cpu']}, LiteRT {head['runtime']}, begun "
        f"{head['begun'][:10]}. Meanwhile other programs used {others:.1f} cores in the median "
        f"batch and {most:.1f} in the busiest. One process's ratio had a standard deviation of "
        f"{percent(spread, sign=False)} in the median comparison. Verdicts are this version's, on "
        "the raw ratios."
    )


def rates_table(groups: Sequence[Group], style: str) -> str:
    """Return a row for each truth; `style` is one of tabulate's formats."""
    rows = [
        (
            _truth(group.slowdown) + (", beside a burner" if group.burner else ""),
            group.red.total,
            percent(group.change),
            _share(group.red),
            _share(group.inconclusive),
            _share(group.unpaired),
        )
        for group in groups
    ]
    return tabulate(rows, HEADERS, tablefmt=style, disable_numparse=True)


def profiles_table(profiles: Sequence[InProfile], style: str) -> str:
    """Return what a gate over a whole profile says, a row for each truth of its one case."""
    rows = [
        (
            _truth(each.slowdown),
            each.red.total,
            _share(each.red),
            _share(each.others_red) if each.slowdown else "",
            _share(each.inconclusive),
        )
        for each in profiles
    ]
    headers = ("one case slower by", "profiles", "red", "another case red", "inconclusive")
    return tabulate(rows, headers, tablefmt=style, disable_numparse=True)


def aims_table(aims: Sequence[Aim], style: str) -> str:
    """Return what is to be reached and whether it is."""
    words = {True: "reached", False: "missed", None: "not enough was measured"}
    rows = [(aim.text, aim.found, words[aim.reached]) for aim in aims]
    return tabulate(rows, ("aim", "found", ""), tablefmt=style, disable_numparse=True)


def _truth(slowdown: int) -> str:
    return f"{slowdown} %" if slowdown else "nothing"


def _share(rate: Rate) -> str:
    low, high = rate.interval
    return f"{rate.count} ({100 * low:.1f} to {100 * high:.1f} %)"
