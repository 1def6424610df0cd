"""The subcommands of `slimbench`: one file each, with a `COMMAND`; and the options they share."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from slimbench.atomic_write import write_text
from slimbench.errors import UsageProblem
from slimbench.paths import results_folder
from slimbench.report.words import LANGUAGES


@dataclass(frozen=True, slots=True)
class Command:
    """A subcommand: its name, its one line of help, its arguments, and what it does.

    `run` returns the exit status; a UsageProblem that it raises is shown without a traceback.
    """

    name: str
    help: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]


def add_results(
    parser: argparse.ArgumentParser | argparse._ArgumentGroup,
    purpose: str = "where histories are saved",
) -> None:
    """Add the folder of histories, by default that of the project one stands in."""
    parser.add_argument(
        "--results",
        type=Path,
        default=results_folder(),
        metavar="DIR",
        help=f"{purpose} (default: {results_folder()})",
    )


def add_output(
    parser: argparse.ArgumentParser, formats: Sequence[str], *, in_french: bool = False
) -> None:
    """Add in which form and where a result is written, and its language where it has two."""
    parser.add_argument(
        "--format", choices=formats, default=formats[0], help=f"default: {formats[0]}"
    )
    parser.add_argument("--output", type=Path, metavar="FILE", help="instead of the screen")
    if in_french:
        parser.add_argument("--lang", choices=LANGUAGES, help="default: the locale's")


def check_output(output: Path | None) -> None:
    """Raise UsageProblem where a file cannot be written; asked before long work."""
    if output is not None and (output.is_dir() or not output.absolute().parent.is_dir()):
        raise UsageProblem(f"{output} cannot be written: name a file in a folder that exists.")


def emit(text: str, output: Path | None) -> None:
    """Print a result, or write it to a file and print the file's name."""
    if output is None:
        print(text)
        return
    check_output(output)
    write_text(output, f"{text}\n")
    print(output)
