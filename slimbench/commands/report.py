"""`slimbench report`: show a saved run again, and draw its charts."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from slimbench.commands import Command
from slimbench.commands.options import add_results
from slimbench.errors import UsageProblem
from slimbench.history.select import resolve
from slimbench.report import words


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add which run, and how it is shown."""
    parser.add_argument(
        "run", nargs="?", default="latest", metavar="RUN", help="a path, a run number or latest"
    )
    parser.add_argument("--profile", help="of which profile the latest is meant")
    parser.add_argument("--lang", choices=("en", "fr"), help="default: the locale's")
    parser.add_argument("--markdown", action="store_true", help="for a README or a pull request")
    parser.add_argument("--charts", type=Path, metavar="FOLDER", help="draw the charts there")
    add_results(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print a run's table and, if asked, draw its charts."""
    from slimbench.report.table import markdown, table  # noqa: PLC0415 - babel takes its time

    history = resolve(arguments.run, arguments.results, profile=arguments.profile)
    lang = arguments.lang or words.language(os.environ)
    print((markdown if arguments.markdown else table)(history, lang))
    if any(entry.serving is not None for entry in history.entries):
        from slimbench.report.serving import serving  # noqa: PLC0415 - likewise

        print()
        print(serving(history, lang, "github" if arguments.markdown else "grid"))
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
