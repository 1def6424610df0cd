"""Trends as text: grids for the terminal, Markdown, JSON and CSV."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from collections.abc import Iterator, Sequence
from datetime import UTC
from typing import Any

from tabulate import tabulate

from slimbench.report.notes import Footnotes, escape_markdown
from slimbench.report.words import WORDS as REPORT
from slimbench.report.words import Lang
from slimbench.trend.change_points import SHORTEST_LEVEL
from slimbench.trend.notes import (
    ENGLISH,
    WORDS,
    change_note,
    count_runs,
    heading,
    method,
    partition_label,
    summary,
)
from slimbench.trend.trends import Level, Trend, TrendRun

NEWEST = 15
"""Runs of each partition that are shown where nobody says how many."""

EARLIER_CHANGES = 20
"""Earlier runs that are shown besides, since the level changed there."""


def terminal(
    trends: Sequence[Trend], variant: str, metric: str, last: int | None, lang: Lang
) -> str:
    """Return a grid for each partition, notes, and last that it decides nothing."""
    footnotes = Footnotes()
    parts = [heading(trends, variant, metric, lang)]
    for trend in trends:
        grid = _grid(trend, last, footnotes, "simple", lang)
        parts += ["", partition_label(trend.partition, lang), summary(trend, lang), grid]
    return "\n".join([*parts, "", *footnotes.lines(), *_notes(trends, last, lang)])


def markdown(
    trends: Sequence[Trend], variant: str, metric: str, last: int | None, lang: Lang
) -> str:
    """Return the same in GitHub's Markdown."""
    footnotes = Footnotes()
    parts = [f"### {escape_markdown(heading(trends, variant, metric, lang))}"]
    for trend in trends:
        grid = _grid(trend, last, footnotes, "github", lang)
        parts += [f"**{escape_markdown(partition_label(trend.partition, lang))}**"]
        parts += [escape_markdown(summary(trend, lang)), grid]
    notes = [*footnotes.lines(), *_notes(trends, last, lang)]
    return "\n\n".join([*parts, *(escape_markdown(note) for note in notes)])


def displayed_runs(trend: Trend, last: int | None) -> list[int]:
    """Return the indices of the runs that a table has: the newest, and where levels changed."""
    count = len(trend.runs)
    newest = range(max(0, count - (NEWEST if last is None else last)), count)
    if last is not None:
        return list(newest)
    earlier = [i for i, run in enumerate(trend.runs[: newest.start]) if run.is_change]
    return [*earlier[-EARLIER_CHANGES:], *newest]


def _grid(trend: Trend, last: int | None, footnotes: Footnotes, style: str, lang: Lang) -> str:
    words = WORDS[lang]
    rows = []
    at = 0
    for i in displayed_runs(trend, last):
        if i > at:
            left_out = words.left_out.format(runs=count_runs(i - at, lang))
            rows.append(["...", "", "", "", "", left_out])
        at = i + 1
        rows.append(list(_cells(trend, trend.runs[i], footnotes, lang)))
    return tabulate(
        rows,
        [words.run, words.date, words.commit, words.value, words.change, ""],
        tablefmt=style,
        colalign=["right", "left", "left", "right", "right", "left"],
        disable_numparse=True,
    )


def _cells(trend: Trend, run: TrendRun, footnotes: Footnotes, lang: Lang) -> Iterator[str]:
    words, point, quantity = WORDS[lang], run.point, trend.quantity
    yield str(point.number)
    yield f"{point.taken.astimezone(UTC):%Y-%m-%d %H:%M}"
    yield point.commit[:12]
    nothing = REPORT[lang].nothing
    if point.value is None:
        yield f"{nothing} {footnotes.mark(point.reason)}" if point.reason else nothing
    else:
        yield quantity.write(point.value, lang)
    if point.value is None or run.before is None:
        yield ""
    else:
        yield quantity.write_change(run.before, point.value, lang)
    notes = [f"<- {change_note(trend, run, lang)}"] if run.is_change else []
    notes += [words.partial] if point.status == "partial" else []
    notes += [words.dirty] if point.dirty else []
    yield ", ".join(notes)


def _notes(trends: Sequence[Trend], last: int | None, lang: Lang) -> list[str]:
    words = WORDS[lang]
    is_cut = any(len(displayed_runs(trend, last)) < len(trend.runs) for trend in trends)
    return [
        *([words.apart] if len(trends) > 1 else []),
        *([words.more] if is_cut else []),
        method(trends[0].quantity, lang),
        words.unpaired,
    ]


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
        "shortest_level": 1 if quantity.exact else SHORTEST_LEVEL,
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


def _newest(trend: Trend, last: int | None) -> Iterator[TrendRun]:
    yield from trend.runs if last is None else trend.runs[-last:]


def _level(level: Level) -> dict[str, Any]:
    return {
        "first_run": level.points[0].number,
        "last_run": level.points[-1].number,
        "runs": len(level.points),
        "value": level.value,
    }


def _change(trend: Trend, run: TrendRun) -> dict[str, Any]:
    after = None if run.level is None else trend.levels[run.level].value
    return {
        "run": run.point.number,
        "file": run.point.file,
        "before": run.before,
        "after": after,
        "change": _against(trend, run.before, after),
    }


def _run(trend: Trend, run: TrendRun) -> dict[str, Any]:
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
