"""The subcommands of `slimbench`: one file each, with a `COMMAND`."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from slimbench.paths import results_folder


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
