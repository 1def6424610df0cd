"""A trend as a table and a chart of the page."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Any

from slimbench.report.notes import setting
from slimbench.report.words import WORDS as REPORT
from slimbench.report.words import Lang
from slimbench.webapp.languages import Phrases
from slimbench.webapp.spec import ServedModel

if TYPE_CHECKING:
    from slimbench.trend.trends import Partition, Trend, TrendRun

NEWEST = 50
"""Runs that are shown; levels are those of all."""


def trend_table(trend: Trend, model: ServedModel, say: Phrases) -> dict[str, Any]:
    """Return a trend's newest runs, the newest first, and what has to be said of them."""
    from slimbench.trend.notes import (  # noqa: PLC0415 - see `slimbench.webapp.trend`
        WORDS,
        method,
        summary,
    )

    words = WORDS[say.lang]
    return {
        "named": _named(trend.partition, say.lang),
        "summary": summary(trend, say.lang),
        "headings": [words.run, words.date, words.commit, words.value, words.change],
        "rows": [
            {"cells": _cells(trend, run, say.lang), "is_served": _is_own(run, model)}
            for run in reversed(trend.runs[-NEWEST:])
        ],
        "notes": [method(trend.quantity, say.lang), words.unpaired],
    }


def trend_chart(trend: Trend, model: ServedModel, say: Phrases) -> dict[str, Any]:
    """Return what the chart draws: each run's figure, and the level it belongs to."""
    runs = trend.runs[-NEWEST:]
    return {
        "labels": [f"{run.point.number} ({run.point.taken:%Y-%m-%d})" for run in runs],
        "values": [run.point.value for run in runs],
        "texts": [_value(trend, run, say.lang) for run in runs],
        "levels": [None if run.level is None else trend.levels[run.level].value for run in runs],
        "own": [_is_own(run, model) for run in runs],
        "x": say("dashboard.runs"),
        "y": say("dashboard.median"),
        "value": say("dashboard.run"),
        "level": say("dashboard.level"),
    }


def _is_own(run: TrendRun, model: ServedModel) -> bool:
    return run.point.file == model.history.name


def _named(partition: Partition, lang: Lang) -> str:
    """Say under what the figures were taken, but for the machine id, a folder's name."""
    runtime = partition.runtime
    if partition.options:
        runtime += f" ({partition.options})"
    return ", ".join([partition.cpu, setting(partition.engine, partition.threads, lang), runtime])


def _cells(trend: Trend, run: TrendRun, lang: Lang) -> list[str]:
    point = run.point
    change = (
        ""
        if point.value is None or run.before is None
        else trend.quantity.write_change(run.before, point.value, lang)
    )
    return [
        str(point.number),
        f"{point.taken.astimezone(UTC):%Y-%m-%d %H:%M}",
        point.commit[:12],
        _value(trend, run, lang),
        change,
    ]


def _value(trend: Trend, run: TrendRun, lang: Lang) -> str:
    if run.point.value is not None:
        return trend.quantity.write(run.point.value, lang)
    nothing = REPORT[lang].nothing
    return f"{nothing} ({run.point.reason})" if run.point.reason else nothing
