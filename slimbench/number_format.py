"""Numbers in the sentences that judge: exact where it matters, short where it does not."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction


def fixed(number: float | Decimal) -> str:
    """Write a number in full: no exponent, no digit that is not needed to read it back."""
    text = f"{Decimal(str(number)):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def rounded(number: float, digits: int) -> str:
    """Write a number to so many significant digits, but never round before the point."""
    if isinstance(number, int) or not number:
        return fixed(number)
    places = max(0, digits - 1 - math.floor(math.log10(abs(number))))
    return fixed(Decimal(f"{number:.{places}f}"))


def apart(value: float, limit: float) -> str:
    """Write a value with as few digits, from 3, as still put it on its true side of the limit."""
    if value == limit:
        return fixed(limit)
    printed = Fraction(fixed(limit))
    digits = 3
    while True:
        text = rounded(value, digits)
        read = Fraction(text)
        if (read > printed) if value > limit else (read < printed):
            return text
        digits += 1
