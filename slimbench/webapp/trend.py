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
from pathlib import Path
from typing import TYPE_CHECKING

from slimbench.errors import UsageProblem
from slimbench.history.document import HistoryError
from slimbench.webapp.spec import ServedModel

if TYPE_CHECKING:
    import sqlite3

    from slimbench.trend.trends import Trend

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
