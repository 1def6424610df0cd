"""The benchmark that the served model comes from: its run's table, Pareto chart and trend.

Figures come out of histories alone. Charts get them as JSON; a table beside each has the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from babel.dates import format_date

from slimbench.history.record import Entry, History, load
from slimbench.report import numbers
from slimbench.report.notes import Footnotes, clean, context, run_notes, setting
from slimbench.report.pareto import Tradeoff, on_front
from slimbench.report.quantity import quantity
from slimbench.report.table import columns, in_order
from slimbench.report.words import WORDS, Lang
from slimbench.webapp.languages import Phrases
from slimbench.webapp.spec import ServedModel
from slimbench.webapp.trend import TrendReader, trend_chart, trend_table


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


class Dashboard:
    """What the page of one served model shows; its run is read once, its trend as runs come."""

    def __init__(self, model: ServedModel, results: Path) -> None:
        self._model = model
        self._trend = TrendReader(model, results)
        self._history: History | None = None

    def shown(self, say: Phrases) -> dict[str, Any]:
        """Return the values for the page's template.

        Raises:
            HistoryError: The run's history is no longer there.
        """
        if self._history is None:
            self._history = load(self._model.history)
        history, found = self._history, self._trend.now()
        trend = None if found is None else found.trend
        pareto = _same_setting(history, self._model)
        return {
            "stable": self._model,
            "variant": self._model.entry["variant"],
            "day": day(self._model.taken, say.lang),
            "run": run_table(history, self._model, say.lang),
            "pareto": pareto_table(pareto, self._model, say),
            "trend": None if trend is None else trend_table(trend, self._model, say),
            "no_trend": say("dashboard.trend_none" if found else "dashboard.trend_later"),
            "data": {
                "lang": say.lang,
                "pareto": pareto_chart(pareto, self._model, say),
                "trend": None if trend is None else trend_chart(trend, self._model, say),
            },
        }


def run_table(history: History, model: ServedModel, lang: Lang) -> dict[str, Any]:
    """Return a run's whole table, as `slimbench report` has it, with its remarks."""
    footnotes = Footnotes()
    shown = columns(history, footnotes, lang)
    rows = [
        {
            "cells": [column.cell(entry) for column in shown],
            "is_served": is_served(entry, model),
        }
        for entry in in_order(history)
    ]
    return {
        "context": context(history, lang),
        "columns": [
            {"heading": column.heading, "is_number": column.align == "right"} for column in shown
        ],
        "rows": rows,
        "remarks": run_notes(history, footnotes, lang),
    }


def pareto_table(entries: Sequence[Entry], model: ServedModel, say: Phrases) -> dict[str, Any]:
    """Return the chart's points as a table, in the chart's numbers."""
    words = WORDS[say.lang]
    engine, threads = model.entry["engine"], model.entry["threads"]
    return {
        "heading": words.chart_pareto.format(setting=setting(engine, threads, say.lang)),
        "headings": [
            say("dashboard.number"),
            words.model,
            *(
                quantity(key).heading(say.lang)
                for key in ("size_bytes", "latency_ms.p50", "accuracy_top1")
            ),
            say("dashboard.place"),
        ],
        "rows": [
            {
                "number": number,
                "name": entry.case.variant,
                "is_served": is_served(entry, model),
                **_measured(entry, say),
                "place": _place(is_on_front, say),
            }
            for number, (entry, is_on_front) in enumerate(
                zip(entries, front(entries), strict=True), 1
            )
        ],
    }


def pareto_chart(entries: Sequence[Entry], model: ServedModel, say: Phrases) -> dict[str, Any]:
    """Return what the chart draws; a case without size or time has no point in it."""
    points = [
        {
            "x": entry.size_bytes / 2**20,
            "y": entry.latency_ms.p50,
            "number": number,
            "name": entry.case.variant,
            "text": ", ".join(_measured(entry, say).values()),
            "kind": _kind(entry, is_on_front, model),
        }
        for number, (entry, is_on_front) in enumerate(zip(entries, front(entries), strict=True), 1)
        if entry.size_bytes is not None and entry.latency_ms is not None
    ]
    return {
        "points": points,
        "x": say("dashboard.x", unit=WORDS[say.lang].mebibyte),
        "y": say("dashboard.y", unit=WORDS[say.lang].millisecond),
        "kinds": {
            "served": say("dashboard.served"),
            "front": say("dashboard.front"),
            "other": say("dashboard.dominated"),
        },
    }


def front(entries: Sequence[Entry]) -> list[bool | None]:
    """Say for each case whether it is on the Pareto front; None where one of the three is not."""
    tradeoffs = [
        None
        if entry.size_bytes is None or entry.latency_ms is None or entry.accuracy_top1 is None
        else Tradeoff(entry.size_bytes, entry.latency_ms.p50, entry.accuracy_top1)
        for entry in entries
    ]
    judged = iter(on_front([tradeoff for tradeoff in tradeoffs if tradeoff is not None]))
    return [None if tradeoff is None else next(judged) for tradeoff in tradeoffs]


def is_served(entry: Entry, model: ServedModel) -> bool:
    """Say whether a case of the run is the model that is served."""
    served = model.entry
    return (entry.case.variant, entry.case.engine, entry.case.threads) == (
        served["variant"],
        served["engine"],
        served["threads"],
    )


def _same_setting(history: History, model: ServedModel) -> list[Entry]:
    """Return the cases of the served model's engine and threads: only these can be compared."""
    setting_of = (model.entry["engine"], model.entry["threads"])
    return [
        entry
        for entry in in_order(history)
        if (entry.case.engine, entry.case.threads) == setting_of
    ]


def _measured(entry: Entry, say: Phrases) -> dict[str, str]:
    nothing, lang = say("figure.unmeasured"), say.lang
    size, latency, share = entry.size_bytes, entry.latency_ms, entry.accuracy_top1
    return {
        "size": nothing if size is None else numbers.size(size, lang),
        "time": nothing if latency is None else numbers.milliseconds(latency.p50, lang),
        "accuracy": nothing if share is None else f"{numbers.percent(share, lang)} %",
    }


def _place(is_on_front: bool | None, say: Phrases) -> str:
    if is_on_front is None:
        return say("dashboard.not_judged")
    return say("dashboard.front" if is_on_front else "dashboard.dominated")


def _kind(entry: Entry, is_on_front: bool | None, model: ServedModel) -> str:
    if is_served(entry, model):
        return "served"
    return "front" if is_on_front else "other"
