"""`slimbench compare`: saved runs side by side, to look at and not to judge by."""

from __future__ import annotations

import argparse
import sys

from slimbench.commands import Command, add_output, add_results, emit
from slimbench.history.select import WAYS, select

FORMATS = ("table", "markdown", "csv", "json")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add which runs, which metrics, and how they are shown."""
    parser.add_argument("runs", nargs="+", metavar="RUN", help=f"{WAYS}; the first is compared to")
    parser.add_argument(
        "--metric",
        action="append",
        help="a table of this alone: latency, size, gzip, accuracy, or the key of another figure; "
        "may be given several times (default: those four)",
    )
    parser.add_argument("--profile", help="of which profile latest and commit: are meant")
    add_output(parser, FORMATS)
    add_results(parser)


def run(arguments: argparse.Namespace) -> int:
    """Show the comparison; 0 whatever it shows, since unpaired figures decide nothing."""
    from slimbench.compare import render  # noqa: PLC0415 - babel and scipy take their time
    from slimbench.compare.comparison import UNPAIRED, compare  # noqa: PLC0415
    from slimbench.compare.measures import chosen  # noqa: PLC0415

    histories = [
        history
        for what in arguments.runs
        for history in select(what, arguments.results, arguments.profile)
    ]
    comparison = compare(histories, chosen(arguments.metric or ()))
    show = {
        "table": render.terminal,
        "markdown": render.markdown,
        "csv": render.as_csv,
        "json": render.as_json,
    }[arguments.format]
    text = show(comparison)
    emit(text, arguments.output)
    if arguments.format == "csv":
        for line in (comparison.warning, UNPAIRED):
            if line:
                print(line, file=sys.stderr)
    return 0


COMMAND = Command(
    "compare", "Show saved runs side by side; it never fails a build.", add_arguments, run
)
