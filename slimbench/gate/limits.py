"""How much worse a candidate may be: the defaults, and a TOML file that changes them.

`[profile."*"]` holds for every variant of a profile, `[profile.variant]` for one and overrides it.
Every key is the largest change for the worse that passes, with what it is of in its name.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from slimbench.errors import UsageProblem
from slimbench.suite.toml_file import TomlFile, read_toml, shown

EVERY = "*"
"""Stands for every variant of a profile."""

LARGEST = 100.0
"""A hundredfold growth is no limit any more; what is above was meant in percent."""


class LimitsError(UsageProblem):
    """A file of limits that cannot be used; the message begins with `file:line`."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The largest changes for the worse that pass, for one variant.

    `_growth_max` is relative to the baseline, `_loss_max` a difference of shares. Paired metrics
    whose limit is None are reported and not judged.
    """

    latency_growth_max: float = 0.03
    latency_growth_floor_us: float = 1.0
    """A growth of this many microseconds always passes: a clock tells no less of a tiny model."""
    latency_p90_growth_max: float | None = None
    init_growth_max: float | None = None
    first_invoke_growth_max: float | None = None
    peak_rss_growth_max: float | None = None
    size_growth_max: float = 0.0
    size_gzip_growth_max: float = 0.01
    parameters_growth_max: float = 0.0
    sparsity_loss_max: float = 0.001
    accuracy_top1_loss_max: float = 0.01

    def tolerance(self, metric: str) -> float:
        """Return the limit of a metric that is compared exactly."""
        return {
            "size_bytes": self.size_growth_max,
            "size_gzip_bytes": self.size_gzip_growth_max,
            "parameters": self.parameters_growth_max,
            "sparsity": self.sparsity_loss_max,
            "sparsity_prunable": self.sparsity_loss_max,
        }[metric]

    def margin(self, metric: str) -> float | None:
        """Return the limit of a metric that is measured in pairs, None where it is not judged."""
        return {
            "latency_ms.p50": self.latency_growth_max,
            "latency_ms.p90": self.latency_p90_growth_max,
            "init_ms": self.init_growth_max,
            "first_invoke_ms": self.first_invoke_growth_max,
            "peak_rss_mb": self.peak_rss_growth_max,
        }[metric]


KEYS = tuple(field.name for field in dataclasses.fields(Limits))


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
        if key not in KEYS:
            raise LimitsError(f"{where}: there is no limit {key!r}. There is: {', '.join(KEYS)}.")
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        most = math.inf if key.endswith("_us") else 1.0 if key.endswith("_loss_max") else LARGEST
        if not number or not 0 <= value <= most or math.isinf(value):
            raise LimitsError(
                f"{where}: {key} must be a number from 0 up, 3 % written as 0.03, "
                f"not {shown(value)}."
            )
