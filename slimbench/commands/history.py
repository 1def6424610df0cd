"""`slimbench history`: the trend of one figure of one variant over all saved runs.

Stored times were taken at different moments, unpaired: they are indicative and never judged, so
this fails no build whatever it shows; `slimbench gate` is what judges.
"""

from __future__ import annotations

import argparse
import os
import sqlite3
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from slimbench.commands import Command, add_output, add_results, emit
from slimbench.errors import UsageProblem

if TYPE_CHECKING:
    from slimbench.report.words import Lang
    from slimbench.trend.trends import Trend

FORMATS = ("table", "markdown", "csv", "json")

CHARTS = (".png", ".svg")

NAMED = 5
"""Histories that are named where some could not be read; the others are counted."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what is shown, of which runs, and how."""
    parser.add_argument("variant", metavar="VARIANT", help="such as resnet50_f32")
    parser.add_argument(
        "metric",
        metavar="METRIC",
        help="a key of extra_info, such as latency_ms.p50, size_bytes or accuracy_top1",
    )
    parser.add_argument("--profile", help="runs of this profile only")
    parser.add_argument("--engine", help="figures of this engine only")
    parser.add_argument("--threads", type=_count, help="figures with so many threads only")
    parser.add_argument(
        "--last",
        type=_count,
        metavar="N",
        help="show the newest N runs of each partition; changes are looked for in all "
        "(default: in tables, the newest and where the level changed; else all)",
    )
    add_output(parser, FORMATS, in_french=True)
    parser.add_argument(
        "--chart", type=_chart, metavar="FILE", help="draw a chart there too: .png or .svg"
    )
    add_results(parser)


def run(arguments: argparse.Namespace) -> int:
    """Show the trend; 0 whatever it shows, since unpaired figures decide nothing."""
    from slimbench.build.store import Store  # noqa: PLC0415
    from slimbench.report import words as report_words  # noqa: PLC0415
    from slimbench.trend import index  # noqa: PLC0415
    from slimbench.trend.trends import Query, skipped, trends  # noqa: PLC0415

    query = Query(
        arguments.variant,
        arguments.metric,
        arguments.profile,
        arguments.engine,
        arguments.threads,
    )

    def work(
        connection: sqlite3.Connection,
    ) -> tuple[tuple[tuple[str, str], ...], tuple[Trend, ...]]:
        _refresh(connection, arguments.results)
        problems = skipped(connection)
        try:
            return problems, trends(connection, query)
        except UsageProblem:
            _warn(problems)
            raise

    problems, found = index.using(arguments.results, Store().root, work, _say)
    _warn(problems)
    lang = arguments.lang or report_words.language(os.environ)
    _show(found, problems, arguments, lang)
    return 0


def _refresh(connection: sqlite3.Connection, results: Path) -> None:
    """Bring the index up to date, with progress."""
    from slimbench.trend.index import IndexProgress, refresh  # noqa: PLC0415

    with IndexProgress() as progress:
        refresh(connection, results, progress)


def _show(
    found: Sequence[Trend],
    problems: Sequence[tuple[str, str]],
    arguments: argparse.Namespace,
    lang: Lang,
) -> None:
    from slimbench.trend import render  # noqa: PLC0415
    from slimbench.trend.notes import WORDS  # noqa: PLC0415

    variant, last = arguments.variant, arguments.last
    if arguments.format == "json":
        emit(render.as_json(found, variant, last, problems), arguments.output)
    elif arguments.format == "csv":
        emit(render.as_csv(found, variant, last), arguments.output)
        print(WORDS[lang].unpaired, file=sys.stderr)
    else:
        show = render.markdown if arguments.format == "markdown" else render.terminal
        emit(show(found, variant, arguments.metric, last, lang), arguments.output)
    if arguments.chart is not None:
        from slimbench.report.chart_style import ChartError  # noqa: PLC0415
        from slimbench.trend.chart import draw  # noqa: PLC0415 - matplotlib takes half a second

        try:
            draw(found, variant, last, arguments.chart, lang)
        except ChartError as error:
            raise UsageProblem(str(error)) from error
        apart = arguments.format in ("json", "csv")
        said = WORDS[lang].drawn.format(path=arguments.chart)
        print(said, file=sys.stderr if apart else sys.stdout)
    elif arguments.format == "table":
        print(WORDS[lang].draw)


def _warn(problems: Sequence[tuple[str, str]]) -> None:
    """Name the histories that could not be read; they are left out, and end nothing."""
    if not problems:
        return
    noun = "history" if len(problems) == 1 else "histories"
    _say(f"{len(problems)} {noun} could not be read and are left out:")
    for _, problem in problems[:NAMED]:
        _say(f"  {problem}")
    if len(problems) > NAMED:
        _say(f"  and {len(problems) - NAMED} more; --format json lists them all.")


def _say(text: str) -> None:
    print(text, file=sys.stderr)


def _count(text: str) -> int:
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"a number from 1 on, not {text!r}")
    return number


def _chart(text: str) -> Path:
    path = Path(text)
    if path.suffix not in CHARTS:
        raise argparse.ArgumentTypeError(f"{text!r} ends neither in .png nor in .svg")
    return path


COMMAND = Command(
    "history",
    "Show the trend of a figure over all saved runs; it never fails a build.",
    add_arguments,
    run,
)
