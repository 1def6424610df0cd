"""`slimbench report`: show a saved run again, and draw its charts."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from slimbench.commands import Command, add_output, add_results, emit
from slimbench.errors import UsageProblem
from slimbench.history.select import WAYS, select_one
from slimbench.report import words


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add which run, and how it is shown."""
    parser.add_argument("run", nargs="?", default="latest", metavar="RUN", help=WAYS)
    parser.add_argument("--profile", help="of which profile the latest is meant")
    add_output(parser, ("table", "markdown"), in_french=True)
    parser.add_argument("--markdown", action="store_true", help="the same as --format markdown")
    parser.add_argument("--charts", type=Path, metavar="FOLDER", help="draw the charts there")
    add_results(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print a run's table and, if asked, draw its charts."""
    from slimbench.report.table import markdown, table  # noqa: PLC0415 - babel takes its time

    history = select_one(arguments.run, arguments.results, arguments.profile)
    lang = arguments.lang or words.language(os.environ)
    is_markdown = arguments.markdown or arguments.format == "markdown"
    parts = [(markdown if is_markdown else table)(history, lang)]
    if any(entry.serving is not None for entry in history.entries):
        from slimbench.report.serving import serving  # noqa: PLC0415 - likewise

        parts.append(serving(history, lang, "github" if is_markdown else "grid"))
    emit("\n\n".join(parts), arguments.output)
    if arguments.charts is not None:
        from slimbench.report.charts import ChartError, draw  # noqa: PLC0415 - so does matplotlib

        arguments.charts.mkdir(parents=True, exist_ok=True)
        try:
            charts = draw(history, arguments.charts / history.path.stem, lang)
        except ChartError as error:
            raise UsageProblem(str(error)) from error
        for chart in charts:
            print(chart)
    return 0


COMMAND = Command("report", "Show a saved run: table and charts.", add_arguments, run)
