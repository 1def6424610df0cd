"""The `slimbench` command: everything around the benchmarks that is not a benchmark."""

from __future__ import annotations

import argparse
import ast
import importlib.metadata
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from slimbench import commands
from slimbench.commands import Command
from slimbench.environment import replace_unknown_characters
from slimbench.errors import USAGE_STATUS, UsageProblem
from slimbench.history.document import HistoryError
from slimbench.suite import registry

INTERRUPTED = 130
"""Exit status after Ctrl-C, as shells have it."""


PIPE_CLOSED = 141
"""Exit status where whoever read the output has seen enough, as shells have it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a subcommand; returns its exit status."""
    replace_unknown_characters()
    words = sys.argv[1:] if arguments is None else arguments
    chosen = make_parser(words).parse_args(words)
    command: Command = chosen.command
    try:
        status = command.run(chosen)
        sys.stdout.flush()
    except (UsageProblem, HistoryError) as problem:
        print(f"slimbench {command.name}: {problem}", file=sys.stderr)
        return USAGE_STATUS
    except BrokenPipeError:  # as under `slimbench store | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        print(f"slimbench {command.name}: {where}{error.strerror or error}.", file=sys.stderr)
        return USAGE_STATUS
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
    try:
        chosen: Command = registry.constant(commands, "COMMAND", words[0] if words else "")
    except LookupError:
        for name, summary in _summaries():
            subparsers.add_parser(name, help=summary)
        return parser
    subparser = subparsers.add_parser(chosen.name, help=chosen.help, description=chosen.help)
    chosen.add_arguments(subparser)
    subparser.set_defaults(command=chosen)
    return parser


def _summaries() -> Iterator[tuple[str, str]]:
    """Yield each subcommand's name and line of help, as they stand in its file.

    They are read, not imported: to import all subcommands takes longer than most of them do.
    """
    for path in sorted(Path(commands.__file__).parent.glob("[!_]*.py")):
        for statement in ast.parse(path.read_text(encoding="utf-8")).body:
            match statement:
                case ast.Assign(
                    targets=[ast.Name(id="COMMAND")],
                    value=ast.Call(
                        args=[ast.Constant(value=str(name)), ast.Constant(value=str(summary)), *_]
                    ),
                ):
                    yield name, summary


if __name__ == "__main__":
    sys.exit(main())
