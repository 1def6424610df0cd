"""Numbers with their units, as the reader's language writes them."""

from __future__ import annotations

from decimal import Decimal

from babel.numbers import format_decimal

from slimbench.report.words import WORDS, Lang


def decimal(value: float, lang: Lang, places: int) -> str:
    """Write a number with so many places."""
    pattern = "#,##0" + ("." + "0" * places if places else "")
    return format_decimal(Decimal(f"{value:.{places}f}"), format=pattern, locale=lang)


def significant(value: float, lang: Lang, digits: int = 3) -> str:
    """Write a number to so many significant digits, but never round before the point."""
    if not value:
        return decimal(0, lang, 0)
    exponent = int(f"{value:.{digits - 1}e}".partition("e")[2])
    return decimal(value, lang, max(0, digits - 1 - exponent))


def localised(text: str, lang: Lang) -> str:
    """Give a number that is already written in full, such as `0.35`, its decimal sign."""
    return text.replace(".", ",") if lang == "fr" else text


def tick(value: float, lang: Lang) -> str:
    """Write the round number of an axis tick, without trailing zeros."""
    return localised(f"{value:g}", lang)


def milliseconds(value: float, lang: Lang) -> str:
    """Write a time in milliseconds with its unit."""
    return f"{significant(value, lang)} {WORDS[lang].millisecond}"


def size(count: float, lang: Lang) -> str:
    """Write a number of bytes in the unit that suits it."""
    words = WORDS[lang]
    if count < 1024:
        return f"{decimal(count, lang, 0)} {words.byte}"
    # 1023.96 KiB would be written as 1024 KiB.
    if count < 1023.5 * 1024:
        return f"{significant(count / 1024, lang)} {words.kibibyte}"
    return f"{significant(count / 2**20, lang)} {words.mebibyte}"


def percent(share: float, lang: Lang, places: int = 1) -> str:
    """Write a share in [0, 1] in percent, without the sign."""
    return decimal(100 * share, lang, places)


def times(ratio: float, lang: Lang, more: str, less: str) -> str:
    """Write a positive ratio as a factor above one: `more` where it gains, `less` where it loses.

    What rounds to one is neither and stands without a word, so that noise is not called a gain.
    """
    factor = ratio if ratio >= 1 else 1 / ratio
    written = significant(factor, lang)
    if written == significant(1, lang):
        return WORDS[lang].equal.format(factor=written)
    return (more if ratio > 1 else less).format(factor=written)
