"""The trend of a served model's median time over the saved runs, read beside the requests.

Reading many histories for the first time may take long, so a thread does it; a page waits for it a
moment and else says that it is not there yet.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slimbench.errors import UsageProblem
from slimbench.history.document import HistoryError
from slimbench.report.notes import setting
from slimbench.report.words import WORDS as REPORT
from slimbench.report.words import Lang
from slimbench.webapp.languages import Phrases
from slimbench.webapp.spec import ServedModel

if TYPE_CHECKING:
    import sqlite3

    from slimbench.trend.trends import Partition, Trend, TrendRun

METRIC = "latency_ms.p50"

PUBLISHED = "published"
"""A folder of the results that is a results folder itself."""

FRESH_SECONDS = 30.0
"""For how long what was read is shown before it is looked for anew."""

PATIENCE = 2.0
"""Seconds that the first page waits; those that come meanwhile do not."""

logger = logging.getLogger("webapp")


@dataclass(frozen=True, slots=True)
class Found:
    """What was read: a trend, or none where no saved run has the figure."""

    trend: Trend | None


class TrendReader:
    """Keeps the trend of one model's median time up to date."""

    def __init__(self, model: ServedModel, results: Path) -> None:
        self._model = model
        self._results = results
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._found: Found | None = None
        self._read_at = -FRESH_SECONDS

    def now(self) -> Found | None:
        """Return what was read last, None while nothing was; starts to read anew where due."""
        with self._lock:
            idle = self._thread is None or not self._thread.is_alive()
            due = idle and time.monotonic() - self._read_at >= FRESH_SECONDS
            if due:
                self._thread = threading.Thread(target=self._read, name="trend", daemon=True)
                self._thread.start()
            started = self._thread if due and self._found is None else None
        if started is not None:
            started.join(PATIENCE)
        return self._found

    def _read(self) -> None:
        try:
            self._found = Found(_newest(self._model, self._results))
        except Exception:
            logger.exception("The trend cannot be read.")
            self._found = self._found or Found(None)
        finally:
            self._read_at = time.monotonic()


def places(model: ServedModel, results: Path) -> tuple[Path, ...]:
    """Return the results folders that may hold runs of a model: its history's own first."""
    found = (model.history.resolve().parent.parent, results, results / PUBLISHED)
    return tuple(dict.fromkeys(place.resolve() for place in found if place.is_dir()))


def _newest(model: ServedModel, results: Path) -> Trend | None:
    """Return the trend that has the model's own run, the longest of several; else the newest."""
    trends = [trend for place in places(model, results) for trend in _trends(model, place)]
    own = [trend for trend in trends if holds(trend, model)]
    if own:
        return max(own, key=lambda trend: len(trend.runs))
    return max(trends, key=lambda trend: trend.runs[-1].point.taken, default=None)


def holds(trend: Trend, model: ServedModel) -> bool:
    """Say whether a trend has the run that a model comes from."""
    return any(run.point.file == model.history.name for run in trend.runs)


def _trends(model: ServedModel, results: Path) -> Sequence[Trend]:
    # What finds changes takes its time to import, and most who open the page never look at it.
    from slimbench.build.store import Store  # noqa: PLC0415
    from slimbench.trend import index  # noqa: PLC0415
    from slimbench.trend.trends import Query, trends  # noqa: PLC0415

    entry = model.entry
    query = Query(entry["variant"], METRIC, entry["profile"], entry["engine"], entry["threads"])

    def work(connection: sqlite3.Connection) -> Sequence[Trend]:
        index.refresh(connection, results, lambda *_: None)
        return trends(connection, query)

    try:
        return index.using(results, Store().root, work, logger.warning)
    except (UsageProblem, HistoryError):  # no run there has this variant
        return ()


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
