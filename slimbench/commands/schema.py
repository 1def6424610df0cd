"""`slimbench schema`: print the JSON Schema of a file that slimbench writes."""

from __future__ import annotations

import argparse

from slimbench.commands import Command
from slimbench.history.schemas import FILES, HISTORY, schema_file


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add which schema."""
    parser.add_argument(
        "name",
        nargs="?",
        choices=tuple(FILES),
        default=HISTORY,
        metavar="NAME",
        help=f"of what: {', '.join(FILES)} (default: {HISTORY})",
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the schema as it lies in the package."""
    print(schema_file(arguments.name).read_text(encoding="utf-8"), end="")
    return 0


COMMAND = Command("schema", "Print a JSON Schema of what is saved.", add_arguments, run)
