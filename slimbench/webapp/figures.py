"""A served model's figures in words: from the run that measured it, never typed in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from babel.dates import format_date

from slimbench.report import numbers
from slimbench.report.notes import clean, setting
from slimbench.report.words import WORDS, Lang
from slimbench.webapp.languages import Phrases
from slimbench.webapp.spec import ServedModel


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure with its unit; `value` is None where it was not measured, and `reason` says why.

    `note` says how it was taken. `reason` is recorded text, in English.
    """

    label: str
    value: str | None
    note: str = ""
    reason: str = ""


def figures(model: ServedModel, say: Phrases) -> tuple[Figure, ...]:
    """Return size, accuracy and median time of a served model.

    Raises:
        KeyError: The entry lacks a key that every history has.
    """
    return (_size(model, say), _accuracy(model, say), _time(model, say))


def day(taken: str, lang: Lang) -> str:
    """Write the day of an ISO 8601 moment.

    Raises:
        ValueError: It is not one.
    """
    return format_date(datetime.fromisoformat(taken), "long", locale=lang)


def _size(model: ServedModel, say: Phrases) -> Figure:
    label, count = say("figure.size"), model.entry["size_bytes"]
    if count is None:
        return Figure(label, None, reason=_reason(model, "size_bytes"))
    compressed = model.entry["size_gzip_bytes"]
    note = (
        ""
        if compressed is None
        else say("figure.compressed", size=numbers.size(compressed, say.lang))
    )
    return Figure(label, numbers.size(count, say.lang), note)


def _accuracy(model: ServedModel, say: Phrases) -> Figure:
    label, share = say("figure.accuracy"), model.entry["accuracy_top1"]
    if share is None:
        return Figure(label, None, reason=_reason(model, "accuracy_top1"))
    written = numbers.percent(share, say.lang)
    count, interval = model.entry["accuracy_n"], model.entry["accuracy_ci95"]
    images = numbers.decimal(count, say.lang, 0)
    if interval is None:
        return Figure(label, f"{written} %", say("figure.images", count=images))
    low, high = (numbers.percent(bound, say.lang) for bound in interval)
    value = WORDS[say.lang].interval.format(share=written, low=low, high=high)
    return Figure(label, value, say("figure.images_interval", count=images))


def _time(model: ServedModel, say: Phrases) -> Figure:
    label, latency = say("figure.time"), model.entry["latency_ms"]
    if latency is None:
        return Figure(label, None, reason=_reason(model, "latency_ms"))
    how = setting(model.entry["engine"], model.entry["threads"], say.lang)
    value = numbers.milliseconds(latency["p50"], say.lang)
    return Figure(label, value, say("figure.invocation", setting=how))


def _reason(model: ServedModel, key: str) -> str:
    return clean(model.entry["reasons"][key])
