"""How much worse a candidate may be: the defaults, and a TOML file that changes them.

`[profile."*"]` holds for every variant of a profile, `[profile.variant]` for one and overrides it.
Every key is the largest change for the worse that passes, with what it is of in its name.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from slimbench.errors import UsageProblem
from slimbench.metrics import figure, figures
from slimbench.metrics.latency import P50
from slimbench.suite.toml_file import TomlFile, read_toml, shown

EVERY = "*"
"""Stands for every variant of a profile."""

LARGEST = 100.0
"""A hundredfold growth is no limit any more; what is above was meant in percent."""


class LimitsError(UsageProblem):
    """A file of limits that cannot be used; the message begins with `file:line`."""


FLOOR = "latency_growth_floor_us"
"""Growth of a time by this many microseconds always passes: a clock tells no less of a tiny model.
It is a limit of its own, not a metric's."""

FLOOR_US = 1.0


@functools.cache
def defaults() -> Mapping[str, float | None]:
    """Return every limit by name, as it is where nothing is said; None is not judged.

    `_growth_max` is of what should not grow, `_loss_max` of what should not fall; relative to the
    baseline, or a difference of shares.
    """
    judged = sorted(
        (one for one in figures().values() if one.is_counted or one.judge),
        key=lambda one: (("pairs", None, "answers").index(one.judge), one.unit == "share"),
    )
    return {
        P50.limit_name: P50.tolerance,
        FLOOR: FLOOR_US,
        **{one.limit_name: one.tolerance for one in judged},
    }


@functools.cache
def _largest(name: str) -> float:
    """Return the largest value that a limit may have; 1 for the difference of two shares."""
    if name == FLOOR:
        return math.inf
    of_share = any(one.limit_name == name and one.unit == "share" for one in figures().values())
    return 1.0 if of_share else LARGEST


@dataclass(frozen=True, slots=True, init=False)
class Limits:
    """The largest changes for the worse that pass, for one variant, by name."""

    values: Mapping[str, float | None]

    def __init__(self, **changed: float | None) -> None:
        """Take the defaults where nothing else is given."""
        object.__setattr__(self, "values", {**defaults(), **changed})

    def of(self, metric: str) -> float | None:
        """Return the limit of a metric; one that is None is not judged."""
        return self.values[figure(metric).limit_name]

    def margin(self, metric: str) -> float:
        """Return the limit of a metric that is judged; raises ValueError where it has none."""
        limit = self.of(metric)
        if limit is None:
            raise ValueError(f"{metric} has no limit, so it is not judged.")
        return limit

    @property
    def floor_us(self) -> float:
        """The growth of a time that always passes, in microseconds."""
        return self.values[FLOOR] or 0.0


def load_limits(path: Path, profile: str, variants: Collection[str]) -> dict[str, Limits]:
    """Read a file of limits and return those of each variant of a profile.

    Raises:
        LimitsError: naming file and line; a name that is not known is refused, since a limit
            with a typing error would never hold.
    """
    file = read_toml(path, LimitsError)
    tables = {name: _table(file, (name,), value) for name, value in file.tables.items()}
    for name, table in tables.items():
        for variant, below in table.items():
            _checked(file, (name, variant), _table(file, (name, variant), below))
    own = tables.get(profile, {})
    for variant in own:
        if variant != EVERY and variant not in variants:
            raise LimitsError(
                f"{file.at(profile, variant)}: neither run has a variant {variant!r}. "
                f"There is: {', '.join(sorted(variants))}."
            )
    shared = own.get(EVERY, {})
    return {variant: Limits(**{**shared, **own.get(variant, {})}) for variant in variants}


def _table(file: TomlFile, keys: tuple[str, ...], value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise LimitsError(f"{file.at(*keys)}: {keys[-1]!r} must be a table, not {shown(value)}.")
    return value


def _checked(file: TomlFile, keys: tuple[str, ...], table: Mapping[str, Any]) -> None:
    for key, value in table.items():
        where = file.at(*keys, key)
        if key not in defaults():
            known = ", ".join(defaults())
            raise LimitsError(f"{where}: there is no limit {key!r}. There is: {known}.")
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not number or not 0 <= value <= _largest(key) or math.isinf(value):
            raise LimitsError(
                f"{where}: {key} must be a number from 0 up, 3 % written as 0.03, "
                f"not {shown(value)}."
            )
