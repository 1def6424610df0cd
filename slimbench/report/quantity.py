"""A figure's values and changes, written with their units."""

from __future__ import annotations

from dataclasses import dataclass

from slimbench import metrics
from slimbench.report import numbers
from slimbench.report.words import WORDS, Lang
from slimbench.spec import Figure, Unit


@dataclass(frozen=True, slots=True)
class Quantity:
    """Writes what a figure's values are."""

    figure: Figure

    @property
    def key(self) -> str:
        """The figure's key in `extra_info`, with dots."""
        return self.figure.key

    @property
    def unit(self) -> Unit:
        """The unit of its values."""
        return self.figure.unit

    @property
    def exact(self) -> bool:
        """Whether it is counted, not timed."""
        return self.figure.exact

    def heading(self, lang: Lang) -> str:
        """Return the heading of a column with its values."""
        label = self.figure.label or self.key
        return (self.figure.label_fr or label) if lang == "fr" else label

    def change(self, before: float, after: float) -> float | None:
        """Return the difference of shares, and after / before - 1 of all else; None from zero."""
        if self.unit == "share":
            return after - before
        return after / before - 1 if before else None

    def write(self, value: float, lang: Lang) -> str:
        """Write a value with its unit."""
        return write(value, self.unit, lang)

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


def write(value: float, unit: Unit, lang: Lang) -> str:
    """Write a number with its unit."""
    words = WORDS[lang]
    match unit:
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
        case "s":
            text = f"{numbers.significant(value, lang)} s"
        case "per_s":
            text = f"{numbers.significant(value, lang)} /s"
        case "number":
            text = numbers.significant(value, lang)
    return text


def quantity(key: str) -> Quantity:
    """Return how a figure is written; one that no metric describes counts as timed."""
    return Quantity(metrics.figure(key))
