"""The subcommands of `slimbench`: one file each, with a `COMMAND`."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Command:
    """A subcommand: its name, its one line of help, its arguments, and what it does.

    `run` returns the exit status; a UsageProblem that it raises is shown without a traceback.
    """

    name: str
    help: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]
