"""`slimbench serve`: a page and an API for a model that was benchmarked."""

from __future__ import annotations

import argparse
import importlib.util
import sys
from pathlib import Path

from slimbench.commands import Command, add_results
from slimbench.errors import UsageProblem

NEEDED = ("flask", "granian", "prometheus_client")

EPILOG = """
Without --manifest and --profile, the model that comes with slimbench is served. Each option is
also read from the environment: SLIMBENCH_SERVE_PORT, SLIMBENCH_SERVE_WORKERS, and so on.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what is served, where, and how much at once."""
    parser.epilog = EPILOG
    what = parser.add_argument_group("what is served")
    what.add_argument(
        "--manifest", type=Path, metavar="FILE", help="versions, the stable one, maybe a canary"
    )
    what.add_argument("--profile", help="instead: a model of this profile's latest run")
    what.add_argument("--variant", help="which of the run's")
    add_results(what, "where runs are saved")
    where = parser.add_argument_group("where")
    where.add_argument("--host", help="default: 127.0.0.1, this machine alone")
    where.add_argument("--port", type=int, help="default: 5000; 0 takes any that is free")
    much = parser.add_argument_group("how much")
    add = much.add_argument
    add("--workers", type=int, metavar="N", help="interpreters (default: one a core)")
    add("--queue", type=int, metavar="N", help="pictures that may wait (default: 32)")
    add(
        "--batching",
        action=argparse.BooleanOptionalAction,
        help="take what waits together (default: where it pays, which is measured)",
    )
    add("--batch", type=int, metavar="N", help="pictures taken together, at most (default: 8)")
    add(
        "--threads",
        type=int,
        metavar="N",
        help="pictures of a model that are decoded at once (default: a batch for each worker)",
    )
    add("--deadline-seconds", type=float, metavar="S", help="for an answer (default: 10)")
    add("--drain-seconds", type=float, metavar="S", help="to finish at the end (default: 30)")
    add("--rate", type=float, metavar="N", help="pictures a second of one address (default: any)")
    add("--rate-burst", type=int, metavar="N", help="of them at once (default: 20)")


def run(arguments: argparse.Namespace) -> int:
    """Serve until a signal; 0 if all that was accepted was answered.

    Raises:
        UsageProblem: It cannot be served, or not there.
    """
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise UsageProblem(
            f"Serving needs {', '.join(missing)}: pip install 'slimbench[serve]' brings all of it."
        )
    # Other commands work without these.
    from slimbench.webapp.settings import make_settings  # noqa: PLC0415
    from slimbench.webapp.supervisor import Supervisor, listen  # noqa: PLC0415

    settings = make_settings(vars(arguments))
    return Supervisor(settings, listen(settings), _announce, _complain).run()


def _announce(sentence: str) -> None:
    print(sentence, flush=True)


def _complain(sentence: str) -> None:
    print(f"slimbench serve: {sentence}", file=sys.stderr, flush=True)


COMMAND = Command("serve", "Serve a model with a page and an API.", add_arguments, run)
