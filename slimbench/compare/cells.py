"""A comparison's figures as text: a number with its unit, a change with how sure it is."""

from __future__ import annotations

from slimbench.compare.measures import Delta, Unit
from slimbench.report import numbers


def figure(value: float, unit: Unit) -> str:
    """Write a value with its unit."""
    if unit == "ms":
        return numbers.milliseconds(value, "en")
    if unit == "bytes":
        return numbers.size(value, "en")
    return f"{numbers.percent(value, 'en')} %"


def change(delta: Delta, unit: Unit) -> str:
    """Write a change, or `~` or `=` in its place where there is none that counts."""
    if delta.verdict == "not_comparable" or delta.change is None:
        return f"not comparable: {delta.remark}"
    exact = delta.p is None
    said = [] if delta.p is None else [_p(delta.p)]
    said += [delta.remark] if delta.remark else []
    if delta.verdict == "no_difference":
        head = "=" if exact else "~"
    else:
        percent = numbers.significant(100 * abs(delta.change), "en")
        sign = "+" if delta.change > 0 else "-" if delta.change < 0 else ""
        head = f"{sign}{percent} {'points' if unit == 'share' else '%'}"
    return f"{head} ({', '.join(said)})" if said else head


def _p(p: float) -> str:
    return "p<0.001" if p < 0.001 else f"p={p:.3f}"
