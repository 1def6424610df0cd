"""Options that several subcommands share."""

from __future__ import annotations

import argparse
from pathlib import Path

from slimbench.paths import results_folder


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
