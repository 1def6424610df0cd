"""What the gate has to reach, and whether a calibration shows that it does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from slimbench.calibrate.rates import Group, InProfile, Rate


@dataclass(frozen=True, slots=True)
class Aim:
    """One thing to reach; `reached` is None where too little was measured to say."""

    text: str
    found: str
    reached: bool | None


def aims(groups: Sequence[Group], profiles: Sequence[InProfile]) -> list[Aim]:
    """Hold the rates against what is asked of them."""
    alone = {(each.burner, each.slowdown): each for each in groups}
    inside = {each.slowdown: each for each in profiles}
    made = [
        _most("false red of 300 nulls", 3, 300, _red(alone, False, 0)),
        _most("false red of 50 nulls beside a burner", 0, 50, _red(alone, True, 0)),
        _fewest("red at 5 %", 57, 60, _red(alone, False, 5)),
        _fewest("red at 8 %", 60, 60, _red(alone, False, 8)),
        _fewest("red at 20 %", 20, 20, _red(alone, False, 20)),
        _most("red at 2 %, inside the margin", 1, 60, _red(alone, False, 2)),
    ]
    for slowdown, fewest, total in ((5, 57, 60), (8, 60, 60), (20, 20, 20)):
        rate = inside[slowdown].red if slowdown in inside else None
        made.append(_fewest(f"red at {slowdown} % inside a whole profile", fewest, total, rate))
    rate = inside[0].inconclusive if 0 in inside else None
    made.append(_most("inconclusive whole profiles", 10, 200, rate))
    return made


def _red(groups: dict[tuple[bool, int], Group], burner: bool, slowdown: int) -> Rate | None:
    group = groups.get((burner, slowdown))
    return None if group is None else group.red


def _most(what: str, most: int, total: int, rate: Rate | None) -> Aim:
    text = f"{what}: at most {most} of {total}"
    return _aim(text, total, rate, rate is not None and rate.count * total <= most * rate.total)


def _fewest(what: str, fewest: int, total: int, rate: Rate | None) -> Aim:
    text = f"{what}: at least {fewest} of {total}"
    return _aim(text, total, rate, rate is not None and rate.count * total >= fewest * rate.total)


def _aim(text: str, total: int, rate: Rate | None, reached: bool) -> Aim:
    if rate is None:
        return Aim(text, "not measured", None)
    found = f"{rate.count} of {rate.total}"
    return Aim(text, found, reached if rate.total >= total else None)
