"""Trends as programs read them: JSON and CSV, with unrounded figures."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from collections.abc import Iterator, Sequence
from typing import Any

from slimbench.trend.change_points import SHORTEST
from slimbench.trend.sentences import method
from slimbench.trend.trends import Level, Marked, Trend
from slimbench.trend.words import ENGLISH

COLUMNS = (
    "metric",
    "unit",
    "variant",
    "machine",
    "cpu",
    "engine",
    "threads",
    "runtime",
    "options",
    "profile",
    "images",
    "reference",
    "run",
    "file",
    "taken",
    "commit",
    "dirty",
    "status",
    "value",
    "reason",
    "level",
    "level_before",
    "change",
    "is_change_point",
)
"""The heading of the CSV; one line for each run."""


def as_json(
    trends: Sequence[Trend],
    variant: str,
    last: int | None,
    problems: Sequence[tuple[str, str]],
) -> str:
    """Return one object: `partitions`, the histories that were `skipped`, and `note`.

    Times are in ms, sizes in bytes, shares in [0, 1]. `change` is against the level before:
    value / level - 1, and the difference for shares. Levels are those of all runs, whatever
    `last` leaves of `runs`.
    """
    quantity = trends[0].quantity
    document = {
        "variant": variant,
        "metric": quantity.key,
        "unit": quantity.unit,
        "exact": quantity.exact,
        "method": method(quantity, "en"),
        "shortest_level": 1 if quantity.exact else SHORTEST,
        "partitions": [
            {
                **dataclasses.asdict(trend.partition),
                "levels": [_level(level) for level in trend.levels],
                "changes": [_change(trend, run) for run in trend.changes],
                "runs": [_run(trend, run) for run in _newest(trend, last)],
            }
            for trend in trends
        ],
        "skipped": [{"file": file, "problem": problem} for file, problem in problems],
        "note": ENGLISH.unpaired,
    }
    return json.dumps(document, indent=1, allow_nan=False)


def as_csv(trends: Sequence[Trend], variant: str, last: int | None) -> str:
    """Return a table with a heading and nothing else; notes and skipped files are not in it."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for trend in trends:
        fixed = {
            "metric": trend.quantity.key,
            "unit": trend.quantity.unit,
            "variant": variant,
            **dataclasses.asdict(trend.partition),
        }
        writer.writerows({**fixed, **_run(trend, run)} for run in _newest(trend, last))
    return text.getvalue().removesuffix("\n")


def _newest(trend: Trend, last: int | None) -> Iterator[Marked]:
    yield from trend.runs if last is None else trend.runs[-last:]


def _level(level: Level) -> dict[str, Any]:
    return {
        "first_run": level.points[0].number,
        "last_run": level.points[-1].number,
        "runs": len(level.points),
        "value": level.value,
    }


def _change(trend: Trend, run: Marked) -> dict[str, Any]:
    after = None if run.level is None else trend.levels[run.level].value
    return {
        "run": run.point.number,
        "file": run.point.file,
        "before": run.before,
        "after": after,
        "change": _against(trend, run.before, after),
    }


def _run(trend: Trend, run: Marked) -> dict[str, Any]:
    point = run.point
    return {
        "run": point.number,
        "file": point.file,
        "taken": point.taken.isoformat(),
        "commit": point.commit,
        "dirty": point.dirty,
        "status": point.status,
        "value": point.value,
        "reason": point.reason,
        "level": None if run.level is None else trend.levels[run.level].value,
        "level_before": run.before,
        "change": _against(trend, run.before, point.value),
        "is_change_point": run.is_change,
    }


def _against(trend: Trend, before: float | None, after: float | None) -> float | None:
    if before is None or after is None:
        return None
    return trend.quantity.change(before, after)
