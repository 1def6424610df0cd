"""The kind of quantity a metric is: its unit, whether it is exact, how its changes are written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from slimbench.report import numbers
from slimbench.report.words import WORDS, Lang

Unit = Literal["ms", "bytes", "MiB", "share", "ratio", "count", "number"]

EXACT = frozenset(
    {
        "size_bytes",
        "size_gzip_bytes",
        "size_ratio",
        "parameters",
        "sparsity",
        "sparsity_prunable",
        "accuracy_top1",
        "accuracy_n",
        "accuracy_drop",
    }
)
"""Metrics that are counted, not timed: the same file and images give the same figure again."""

ON_IMAGES = frozenset({"accuracy_top1", "accuracy_drop"})
"""Metrics that depend on which images were scored."""

AGAINST_REFERENCE = frozenset({"speedup", "size_ratio", "accuracy_drop"})
"""Metrics that depend on which variant is the reference."""

_UNITS: dict[str, Unit] = {
    "accuracy_top1": "share",
    "accuracy_drop": "share",
    "sparsity": "share",
    "sparsity_prunable": "share",
    "speedup": "ratio",
    "size_ratio": "ratio",
    "parameters": "count",
    "accuracy_n": "count",
    "latency_ms.n": "count",
}

_ENDINGS: dict[str, Unit] = {"_ms": "ms", "_bytes": "bytes", "_mb": "MiB"}


@dataclass(frozen=True, slots=True)
class Quantity:
    """A metric's key in `extra_info`, with dots, and how its figures are to be taken."""

    key: str
    unit: Unit
    exact: bool

    def change(self, before: float, after: float) -> float | None:
        """Return the difference of shares, and after / before - 1 of all else; None from zero."""
        if self.unit == "share":
            return after - before
        return after / before - 1 if before else None

    def write(self, value: float, lang: Lang) -> str:
        """Write a value with its unit."""
        words = WORDS[lang]
        match self.unit:
            case "ms":
                text = numbers.milliseconds(value, lang)
            case "bytes":
                text = numbers.size(value, lang)
            case "share":
                text = f"{numbers.percent(value, lang)} %"
            case "ratio":
                text = words.equal.format(factor=numbers.significant(value, lang))
            case "count":
                text = numbers.decimal(value, lang, 0)
            case "MiB":
                text = f"{numbers.significant(value, lang)} {words.mebibyte}"
            case "number":
                text = numbers.significant(value, lang)
        return text

    def write_step(self, before: float, after: float, lang: Lang) -> str:
        """Write two values such as `8.10 -> 9.00 ms`: the unit once, and never twice the same."""
        first, second = self.write(before, lang), self.write(after, lang)
        if first == second and before != after:
            first, second = (self._in_full(value, lang) for value in (before, after))
        value, _, unit = first.rpartition(" ")
        if value and second.endswith(f" {unit}"):
            first = value
        return f"{first} -> {second}"

    def write_change(self, before: float, after: float, lang: Lang) -> str:
        """Write a change with its sign, such as `+11 %` or, of shares, `-0.4 points`."""
        change = self.change(before, after)
        if change is None:
            return WORDS[lang].nothing
        percent = numbers.significant(100 * abs(change), lang, 3 if self.exact else 2)
        sign = "+" if change > 0 else "-" if change < 0 else ""
        return f"{sign}{percent} {'points' if self.unit == 'share' else '%'}"

    def _in_full(self, value: float, lang: Lang) -> str:
        if self.unit == "bytes":
            return f"{numbers.decimal(value, lang, 0)} {WORDS[lang].byte}"
        if self.unit == "share":
            return f"{numbers.significant(100 * value, lang, 6)} %"
        return numbers.significant(value, lang, 6)


def quantity(key: str) -> Quantity:
    """Return how a metric is taken; one that is new counts as timed, with the unit it ends in."""
    whole = key.partition(".")[0]
    unit: Unit = next((_ENDINGS[end] for end in _ENDINGS if whole.endswith(end)), "number")
    return Quantity(key, _UNITS.get(key, unit), key in EXACT)
