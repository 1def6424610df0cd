"""Budgets: what each variant must reach, as data with the unit in the name.

A limit is a line of TOML, so that it is reviewed like code and read without knowing any; a key
that is not understood is refused, since a limit with a typing error would never fail.

`[profile."*"]` holds for every variant of the profile, `[profile.variant]` for one and overrides
it. Their limits are for engine `litert` with 1 thread; those for another engine or number of
threads stand in a table below, such as `[digits.resnet50_f32."litert-2"]`. MB is 2**20 bytes.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from numbers import Integral, Real
from pathlib import Path
from typing import Any, Literal

from slimbench import metrics
from slimbench.errors import UsageProblem
from slimbench.number_format import apart, fixed, rounded
from slimbench.spec import (
    UNIT_ENDINGS,
    Budget,
    BudgetForm,
    Case,
    Figure,
    Group,
    Unit,
    Unmeasured,
)
from slimbench.suite.toml_file import TomlFile, read_toml, shown

EVERY = "*"
"""Stands for every variant of a profile."""

Verdict = Literal["pass", "fail", "not_judged"]

UNIT_IN_WORDS: Mapping[Unit, str] = {
    "bytes": "in bytes",
    "MiB": "in MiB",
    "ms": "in ms",
    "s": "in seconds",
    "per_s": "per second",
    "ratio": "as a ratio",
    "share": "as a share from 0 to 1",
    "count": "as a number",
    "number": "as a number",
}


class BudgetError(UsageProblem):
    """A budget file that cannot be used; the message begins with `file:line`."""


@dataclass(frozen=True, slots=True)
class BudgetKind:
    """What a budget's name means: which figure it limits, in which form."""

    figure: Figure
    form: BudgetForm
    group: Group

    @property
    def name(self) -> str:
        """The budget's name."""
        return self.form.name

    @property
    def unit(self) -> Unit:
        """The limit's unit."""
        return self.form.unit

    @property
    def metric(self) -> str:
        """The key of `extra_info` that holds the figure."""
        return self.figure.key.partition(".")[0]

    @property
    def direction(self) -> Literal["min", "max"]:
        """Whether the limit is the smallest or the largest value that passes."""
        return "min" if self.name.endswith("_min") else "max"

    @property
    def label(self) -> str:
        """What the number is called in a sentence: the name without its direction."""
        return self.name[:-4]

    @property
    def quantity(self) -> str:
        """What is limited: the name without unit and direction."""
        return self.label.removesuffix(UNIT_ENDINGS.get(self.unit, ""))

    def take(self, reading: Any) -> Any:
        """Return the number that is compared, from the JSON value under the key `metric`.

        Raises:
            TypeError, KeyError, ArithmeticError: It holds no such number.
        """
        part = self.figure.key.partition(".")[2]
        return self.form.convert(reading[part] if part else reading)


@functools.cache
def kinds() -> Mapping[str, BudgetKind]:
    """Return every budget there is, by name: those of all figures, benchmark by benchmark."""
    return {
        form.name: BudgetKind(figure, form, group)
        for group, figures in metrics.by_group().items()
        for figure in figures
        for form in figure.budget_forms
    }


@dataclass(frozen=True, slots=True)
class Judgement:
    """What became of a budget; `value` is the number compared, None where there was none."""

    budget: Budget
    value: float | None
    verdict: Verdict
    sentence: str

    def entry(self) -> dict[str, Any]:
        """Return the judgement as a history keeps it."""
        return {
            "variant": self.budget.variant,
            "engine": self.budget.engine,
            "threads": self.budget.threads,
            "budget": self.budget.name,
            "limit": self.budget.limit,
            "value": self.value,
            "verdict": self.verdict,
        }


def load_budgets(
    path: Path, profile: str, variants: Mapping[str, Collection[str]], engines: Collection[str]
) -> tuple[Budget, ...]:
    """Read a budget file and return the limits of one profile, variant by variant.

    `variants` holds the names of every profile's variants, `engines` those of all engines. The
    whole file is checked, so that another profile's typing error is not found months later.
    Raises `BudgetError`, naming file and line.
    """
    file = read_toml(path, BudgetError)
    found: dict[tuple[str, str], dict[tuple[str, int, str], Budget]] = {}
    for name, table in file.tables.items():
        if name not in variants:
            raise _refused(file, (name,), f"there is no profile {name!r}", variants)
        for variant, limits in _table(file, (name,), table).items():
            if variant != EVERY and variant not in variants[name]:
                what = f"profile {name!r} has no variant {variant!r}"
                raise _refused(file, (name, variant), what, [EVERY, *variants[name]])
            found[name, variant] = _limits(file, (name, variant), limits, engines)
    shared = found.get((profile, EVERY), {})
    order = list(kinds())
    return tuple(
        Budget(variant, engine, threads, name, budget.limit, budget.line)
        for variant in variants[profile]
        for (engine, threads, name), budget in sorted(
            (shared | found.get((profile, variant), {})).items(),
            key=lambda item: (item[0][0] != "litert", item[0][:2], order.index(item[0][2])),
        )
    )


def applicable(budgets: Iterable[Budget], case: Case, group: Group) -> tuple[Budget, ...]:
    """Return the limits that one benchmark has to hold one case to."""
    return tuple(
        budget
        for budget in budgets
        if Case(budget.variant, budget.engine, budget.threads) == case
        and kinds()[budget.name].group == group
    )


def _refused(
    file: TomlFile, keys: tuple[str, ...], what: str, known: Iterable[str] = ()
) -> BudgetError:
    listed = f" There is: {', '.join(known)}." if known else ""
    return BudgetError(f"{file.at(*keys)}: {what}.{listed}")


def _table(file: TomlFile, keys: tuple[str, ...], value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _refused(file, keys, f"{keys[-1]!r} must be a table of budgets, not {shown(value)}")
    return value


def _limits(
    file: TomlFile, keys: tuple[str, ...], value: Any, engines: Collection[str]
) -> dict[tuple[str, int, str], Budget]:
    limits = {}
    for name, inner in _table(file, keys, value).items():
        if isinstance(inner, dict) and name not in kinds():
            engine, threads = _target(file, (*keys, name), engines)
            for below, limit in inner.items():
                budget = _budget(file, (*keys, name, below), limit, engine, threads)
                limits[engine, threads, below] = budget
        else:
            limits["litert", 1, name] = _budget(file, (*keys, name), inner, "litert", 1)
    return limits


def _target(file: TomlFile, keys: tuple[str, ...], engines: Collection[str]) -> tuple[str, int]:
    """Read the engine and number of threads that a table's name gives."""
    engine, _, threads = keys[-1].rpartition("-")
    if engine not in engines or not re.fullmatch("[1-9][0-9]{0,5}", threads):
        what = f"{keys[-1]!r} is no engine and number of threads, such as 'litert-2'"
        raise _refused(file, keys, f"{what}; engines are {', '.join(engines)}")
    if (engine, threads) == ("litert", "1"):
        where = f"[{'.'.join(keys[:-1])}]"
        raise _refused(file, keys, f"limits for litert with 1 thread stand in {where} itself")
    return engine, int(threads)


def _budget(file: TomlFile, keys: tuple[str, ...], limit: Any, engine: str, threads: int) -> Budget:
    variant, name = keys[1], keys[-1]
    if problem := _problem(name, limit):
        raise _refused(file, keys, *problem)
    return Budget(variant, engine, threads, name, limit, file.line(*keys))


def make_budgets(case: Case, limits: Mapping[str, Any]) -> tuple[Budget, ...]:
    """Return the budgets of one case from limits by name, as `load_budgets` does from a file.

    Raises:
        BudgetError: A budget that does not exist, or a limit that is no such number.
    """
    for name, limit in limits.items():
        if problem := _problem(name, limit):
            what, known = problem
            listed = f" There is: {', '.join(known)}." if known else ""
            raise BudgetError(f"{what}.{listed}")
    return tuple(
        Budget(case.variant, case.engine, case.threads, name, limit, line=0)
        for name, limit in limits.items()
    )


def _problem(name: str, limit: Any) -> tuple[str, list[str]] | None:
    """Say why a budget of that name cannot have that limit, and what there is; None if it can."""
    if name not in kinds():
        return _unknown(name)
    if isinstance(limit, bool) or not isinstance(limit, (int, float)):
        return f"{name} must be a number, not {shown(limit)}", []
    # The double comparison refuses NaN too; beyond 2**53 numbers no longer are what was written.
    if not 0 <= limit <= 2**53:
        return f"{name} must be a number from 0 up, not {shown(limit)}", []
    if kinds()[name].unit == "share" and limit > 1:
        return f"{name} is a share from 0 to 1, not {shown(limit)}; write 95 % as 0.95", []
    return None


def _unknown(name: str) -> tuple[str, list[str]]:
    """Say what is wrong with a budget's name: its unit, if its quantity is known."""
    quantities = sorted({kind.quantity for kind in kinds().values()}, key=len, reverse=True)
    for quantity in quantities:
        if f"{name}_".startswith(f"{quantity}_"):
            ways = [
                f"{UNIT_IN_WORDS[kind.unit]} ({kind.name})"
                for kind in kinds().values()
                if kind.quantity == quantity
            ]
            return f"there is no budget {name!r}: {quantity} comes {' or '.join(ways)}", []
    return f"there is no budget {name!r}", list(kinds())


def judge(budget: Budget, readings: Mapping[str, Any]) -> Judgement:
    """Hold one case's readings to one of its limits; a value equal to the limit passes.

    `readings` maps metric keys to JSON values or `Unmeasured`; the reasons for its nulls may lie
    under `reasons`. What was not measured is not judged, which is neither a pass nor a failure.
    Raises ValueError for a reading that is not a finite number: that is a fault of the metric.
    """
    kind = kinds()[budget.name]
    subject = budget.variant
    if (budget.engine, budget.threads) != ("litert", 1):
        subject += f" ({budget.engine}-{budget.threads})"
    limit = f"{budget.name} = {fixed(budget.limit)}"
    reading = readings.get(kind.metric, Unmeasured("this run did not measure it"))
    if reading is None:
        reading = Unmeasured(readings.get("reasons", {}).get(kind.metric, "no reason was recorded"))
    if isinstance(reading, Unmeasured):
        why = reading.reason.rstrip(".")
        sentence = f"{subject}: {limit} was not judged, {kind.metric} is not known: {why}."
        return Judgement(budget, None, "not_judged", sentence)
    value = _number(kind, reading)
    shown = f"{kind.label} is {apart(value, budget.limit)}"
    kept = value <= budget.limit if kind.direction == "max" else value >= budget.limit
    if kept:
        return Judgement(budget, value, "pass", f"{subject}: {shown}, within its limit {limit}.")
    side = "over" if kind.direction == "max" else "under"
    sentence = f"{subject}: {shown}, {side} its limit {limit} by {_excess(kind, value, budget)}."
    return Judgement(budget, value, "fail", sentence)


def _number(kind: BudgetKind, reading: Any) -> float:
    try:
        value = kind.take(reading)
        is_number = isinstance(value, Real) and not isinstance(value, bool)
        if not is_number or isinstance(reading, bool) or not math.isfinite(value):
            raise TypeError
    except (TypeError, KeyError, ArithmeticError) as error:
        raise ValueError(f"{kind.metric} is {reading!r}: no finite number to judge.") from error
    return int(value) if isinstance(value, Integral) else float(value)


def _excess(kind: BudgetKind, value: float, budget: Budget) -> str:
    """Say by how much: in the unit, and in points for a share, else in percent of the limit."""
    distance = abs(Fraction(value) - Fraction(budget.limit))
    amount = rounded(float(distance), 3)
    if kind.unit == "share":
        return f"{amount} ({rounded(float(distance * 100), 3)} points)"
    if distance > 1000 * Fraction(budget.limit):  # a percentage would say nothing
        return amount
    percent = float(distance / Fraction(budget.limit) * 100)
    return f"{amount} ({rounded(percent, 2) if percent >= 0.1 else 'less than 0.1'} %)"
