"""`slimbench runs`: list the saved runs."""

from __future__ import annotations

import argparse
import json
import sys

from tabulate import tabulate

from slimbench.commands import Command, add_output, add_results, emit
from slimbench.errors import UsageProblem
from slimbench.history.document import HistoryError
from slimbench.history.record import History, load
from slimbench.history.select import runs

HEADINGS = ("run", "taken", "profile", "status", "measured", "commit", "machine")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add which runs, and in which form."""
    parser.add_argument("--profile", help="runs of this profile only")
    parser.add_argument(
        "--last", type=int, default=20, metavar="N", help="the newest N of them (default: 20)"
    )
    add_output(parser, ("table", "json", "markdown"))
    add_results(parser)


def run(arguments: argparse.Namespace) -> int:
    """List the runs, newest first; a file that cannot be read is named below."""
    if arguments.last < 1:
        raise UsageProblem(f"--last must be a whole number from 1 up, not {arguments.last}.")
    rows: list[dict[str, str | int]] = []
    problems: list[str] = []
    for saved in runs(arguments.results, None):
        if len(rows) == arguments.last:
            break
        try:
            history = load(saved.path)
        except HistoryError as error:
            problems.append(str(error))
            continue
        if arguments.profile in (None, history.profile):
            rows.append(_row(saved.number, history))
    if arguments.format == "json":
        text = json.dumps(rows, indent=1)
    elif rows:
        style = "github" if arguments.format == "markdown" else "simple"
        cells = [[row[heading] for heading in HEADINGS] for row in rows]
        text = tabulate(cells, headers=HEADINGS, tablefmt=style, disable_numparse=True)
    else:
        of_profile = "" if arguments.profile is None else f" of {arguments.profile}"
        text = f"There is no run{of_profile} in {arguments.results}."
    emit(text, arguments.output)
    for problem in problems:
        print(problem, file=sys.stderr)
    return 0


def _row(number: int, history: History) -> dict[str, str | int]:
    return {
        "run": number,
        "taken": f"{history.taken.astimezone():%Y-%m-%d %H:%M}",
        "profile": history.profile,
        "status": history.status,
        "measured": len(history.entries),
        "commit": history.commit[:12] + ("+" if history.dirty else ""),
        "machine": history.path.parent.name,
        "file": str(history.path),
    }


COMMAND = Command("runs", "List the saved runs.", add_arguments, run)
