"""`slimbench best`: the best variant of a saved run under limits, and what each limit costs."""

from __future__ import annotations

import argparse

from slimbench.commands import Command, add_output, add_results, emit
from slimbench.errors import UsageProblem
from slimbench.history.select import WAYS, select_one

NOTHING = 1
"""Exit status where no variant keeps all limits."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add which run, the limits, and how the answer is shown."""
    parser.add_argument("run", nargs="?", default="latest", metavar="RUN", help=WAYS)
    limits = parser.add_argument_group("limits", "a variant that keeps exactly a limit keeps it")
    limits.add_argument(
        "--max-size-mb", type=float, metavar="MB", help="of the model file; MB is 2**20 bytes"
    )
    limits.add_argument(
        "--max-latency-ratio", type=float, metavar="RATIO", help="own time / reference time, paired"
    )
    limits.add_argument("--min-accuracy", type=float, metavar="SHARE", help="0.9 is 90 %%")
    limits.add_argument(
        "--max-accuracy-drop", type=float, metavar="SHARE", help="reference accuracy - own"
    )
    limits.add_argument(
        "--max-latency-ms",
        type=float,
        metavar="MS",
        help="median of single invocations: unpaired, and of the run's machine only",
    )
    limits.add_argument(
        "--limit",
        action="append",
        type=_limit,
        default=[],
        metavar="BUDGET=NUMBER",
        help="any budget, such as parameters_max=100000; may be given several times",
    )
    parser.add_argument(
        "--by",
        default="accuracy_top1",
        metavar="METRIC",
        help="the figure that decides, by its key in extra_info (default: accuracy_top1)",
    )
    parser.add_argument("--engine", default="litert", help="whose figures are meant")
    parser.add_argument("--threads", type=int, default=1, metavar="N", help="with which they were")
    parser.add_argument("--profile", help="of which profile latest and commit: are meant")
    add_results(parser)
    add_output(parser, ("table", "json", "markdown"))


def run(arguments: argparse.Namespace) -> int:
    """Show the answer; 0 where there is one, 1 where nothing keeps all limits."""
    from slimbench.choose import render  # noqa: PLC0415 - babel and scipy take their time
    from slimbench.choose.choice import (  # noqa: PLC0415
        OPTIONS,
        candidates,
        choose,
        make_limits,
    )
    from slimbench.metrics import described  # noqa: PLC0415

    if arguments.threads < 1:
        raise UsageProblem(f"--threads must be a number from 1 up, not {arguments.threads}.")
    bounds = {
        option: getattr(arguments, option.removeprefix("--").replace("-", "_"))
        for option in OPTIONS
    }
    bounds |= dict(arguments.limit)
    decides = described(arguments.by)
    limits = make_limits(bounds)
    history = select_one(arguments.run, arguments.results, arguments.profile)
    choice = choose(candidates(history, arguments.engine, arguments.threads), limits, decides)
    shown = {"table": render.terminal, "json": render.as_json, "markdown": render.markdown}
    emit(shown[arguments.format](choice, history), arguments.output)
    return 0 if choice.best is not None else NOTHING


def _limit(text: str) -> tuple[str, float]:
    name, _, number = text.partition("=")
    try:
        return name, float(number)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not BUDGET=NUMBER") from None


COMMAND = Command(
    "best", "Choose the best variant of a saved run under limits.", add_arguments, run
)
