"""The `slimbench` command: everything around the benchmarks that is not a benchmark."""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import sys
from collections.abc import Iterable, Sequence

from slimbench import commands
from slimbench.commands import Command
from slimbench.errors import UsageProblem
from slimbench.history.document import HistoryError
from slimbench.suite import registry

USAGE = 2
"""Exit status where something asked for does not exist or does not fit."""

INTERRUPTED = 130
"""Exit status after Ctrl-C, as shells have it."""


PIPE_CLOSED = 141
"""Exit status where whoever read the output has seen enough, as shells have it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a subcommand; returns its exit status."""
    words = sys.argv[1:] if arguments is None else arguments
    chosen = make_parser(words).parse_args(words)
    command: Command = chosen.command
    try:
        status = command.run(chosen)
        sys.stdout.flush()
    except (UsageProblem, HistoryError) as problem:
        print(f"slimbench {command.name}: {problem}", file=sys.stderr)
        return USAGE
    except BrokenPipeError:  # as under `slimbench store | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        print(f"slimbench {command.name}: {where}{error.strerror or error}.", file=sys.stderr)
        return USAGE
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return INTERRUPTED
    return status


def make_parser(words: Sequence[str] = ()) -> argparse.ArgumentParser:
    """Return the parser of the command and, where words name one, of a subcommand."""
    parser = argparse.ArgumentParser(
        prog="slimbench",
        description="Slims image classifiers down, measures each variant, and gates regressions. "
        "A profile is run by `make bench` or `pytest bench --profile=digits`, your own model by "
        "`slimbench run --model NAME=PATH`.",
    )
    parser.add_argument(
        "--version", action="version", version=importlib.metadata.version("slimbench")
    )
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True)
    for command in _commands(words):
        subparser = subparsers.add_parser(command.name, help=command.help, description=command.help)
        command.add_arguments(subparser)
        subparser.set_defaults(command=command)
    return parser


def _commands(words: Sequence[str]) -> Iterable[Command]:
    """Return the command that is asked for, or all: to import all takes longer than most take."""
    try:
        asked: Command = registry.constant(commands, "COMMAND", words[0])
    except LookupError:
        return registry.constants(commands, "COMMAND")
    return [asked]


if __name__ == "__main__":
    sys.exit(main())
