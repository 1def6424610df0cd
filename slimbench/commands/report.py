"""`slimbench report`: show a saved run again, and draw its charts."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from slimbench.commands import Command, add_output, add_results, emit
from slimbench.errors import UsageProblem
from slimbench.history.record import History
from slimbench.history.select import WAYS, select_one
from slimbench.report import words


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add which run, and how it is shown."""
    parser.add_argument("run", nargs="?", default="latest", metavar="RUN", help=WAYS)
    parser.add_argument("--profile", help="of which profile the latest is meant")
    add_output(parser, ("table", "markdown", "html"), in_french=True)
    parser.add_argument(
        "--metric",
        action="append",
        default=[],
        help="one more column: a figure by its key in extra_info; may be given several times",
    )
    parser.add_argument("--markdown", action="store_true", help="the same as --format markdown")
    parser.add_argument("--charts", type=Path, metavar="FOLDER", help="draw the charts there")
    add_results(parser)


def run(arguments: argparse.Namespace) -> int:
    """Show a run as a table or a page and, if asked, draw its charts."""
    history = select_one(arguments.run, arguments.results, arguments.profile)
    lang = arguments.lang or words.language(os.environ)
    form = "markdown" if arguments.markdown else arguments.format
    emit(_shown(history, form, lang, arguments.metric), arguments.output)
    if arguments.charts is not None:
        from slimbench.report.chart_style import ChartError  # noqa: PLC0415
        from slimbench.report.charts import draw  # noqa: PLC0415 - matplotlib takes a second

        arguments.charts.mkdir(parents=True, exist_ok=True)
        try:
            charts = draw(history, arguments.charts / history.path.stem, lang)
        except ChartError as error:
            raise UsageProblem(str(error)) from error
        for chart in charts:
            print(chart)
    return 0


def _shown(history: History, form: str, lang: words.Lang, keys: Sequence[str]) -> str:
    from slimbench.metrics import described  # noqa: PLC0415 - every metric's file is read

    more = [described(key) for key in keys]
    if form == "html":
        from slimbench.report.html import page  # noqa: PLC0415 - matplotlib takes a second

        return page(history, lang, more)
    from slimbench.report.table import markdown, table  # noqa: PLC0415 - babel takes its time

    parts = [(markdown if form == "markdown" else table)(history, lang, more)]
    if any(entry.serving is not None for entry in history.entries):
        from slimbench.report.serving import serving  # noqa: PLC0415 - likewise

        parts.append(serving(history, lang, "github" if form == "markdown" else "grid"))
    return "\n\n".join(parts)


COMMAND = Command("report", "Show a saved run: table, page and charts.", add_arguments, run)
