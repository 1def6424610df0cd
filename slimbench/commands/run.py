"""`slimbench run`: measure models of one's own, from wherever one stands."""

from __future__ import annotations

import argparse
import os
import re
from pathlib import Path

from slimbench.commands import Command, add_results
from slimbench.paths import REFERENCE, suite_folder
from slimbench.pixels import MODES
from slimbench.steps.own_file import KINDS
from slimbench.suite.profiles import OWN_PROFILE
from slimbench.user_models.request import FORMS

USAGE = 2
"""Exit status where what was asked for cannot be, as of every subcommand."""

QUIETLY = ("--no-header", "-Wignore::ResourceWarning")
"""A file that Ctrl-C leaves open is no news to who pressed it."""

ALONE = ("-c", os.devnull, f"--rootdir={REFERENCE}", "-pno:cacheprovider", "-pno:randomly")
"""The configuration of the project one stands in is for its own tests."""

OPTIONS = (
    "model",
    "data",
    "images",
    "labels",
    "pixels",
    "steps",
    "budgets",
    "profile",
    "engines",
    "threads",
    "seed",
    "lang",
    "results",
)
"""Those that `pytest bench` has under the same names."""

_NO_OPTION = re.compile(r"-\.?\d[\d.]*$")
"""What begins with a dash and is a value all the same: `--pixels -1..1`."""

EPILOG = f"""
A model is {KINDS}.
Its image size and number of classes are read from it. Data is a folder or archive (.tar,
.tar.gz, .zip) with one folder a class; without it, size and time alone are measured. With test/
and train/ in it, test/ is scored on, and train/ calibrates and fine-tunes.

steps: {FORMS}

examples:
  slimbench run --model mine=mine.tflite --data photos/
  slimbench run --model old=old.tflite --model new=new.tflite --data photos.tar.gz --pixels 0..1
  slimbench run --model mine=mine.keras --data photos/ --steps "prune(0.5),quantize(static_wi8_ai8)"

Then `slimbench promote latest --profile {OWN_PROFILE} --reason "..."` makes the run the baseline,
and `slimbench gate --profile {OWN_PROFILE}` holds later ones against it.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the models, the data and how both go together."""
    parser._negative_number_matcher = _NO_OPTION  # noqa: SLF001 - argparse has no public way
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = EPILOG
    add = parser.add_argument
    add(
        "--model",
        action="append",
        required=True,
        metavar="NAME=PATH",
        help="a model and what to call it; again for more, which are compared with the first",
    )
    add("--data", type=Path, metavar="PATH", help="images to score on (default: $SLIMBENCH_DATA)")
    add("--images", type=int, metavar="N", help="how many of them at most (default: 5000)")
    add("--allow-bad", action="store_true", help="score even if many of them are unreadable")
    add("--labels", type=Path, metavar="FILE", help="the models' classes, one a line")
    add("--pixels", choices=MODES, help="what the models expect of RGB pixels 0-255")
    add(
        "--steps",
        action="append",
        metavar="STEPS",
        help="carry the models further; again for another way",
    )
    add("--budgets", type=Path, metavar="FILE", help="limits that they have to keep")
    add("--profile", metavar="NAME", help=f"what to call the run (default: {OWN_PROFILE})")
    add("--engines", metavar="LIST", help="runtimes (default: litert)")
    add("--threads", metavar="LIST", help="numbers of threads, such as 1,2 (default: 1)")
    add("--seed", type=int, metavar="N", help="what fine-tuning starts from")
    add("--lang", choices=("en", "fr"), help="language of the summary (default: the locale's)")
    add_results(parser)


def run(arguments: argparse.Namespace) -> int:
    """Run the benchmarks in this process; returns their exit status, 2 for what is not usable.

    0: all is measured and every budget kept; 1: a budget is broken, or a model failed.

    Raises:
        KeyboardInterrupt: Somebody pressed Ctrl-C; what was measured until then is saved.
    """
    import pytest  # noqa: PLC0415 - the other subcommands need none of it

    suite_folder()  # is looked for where one stands, which may have a suite of its own
    status = int(pytest.main([str(REFERENCE / "bench"), *ALONE, *QUIETLY, *options(arguments)]))
    if status == pytest.ExitCode.INTERRUPTED:  # of which pytest says nothing before its session
        raise KeyboardInterrupt
    return USAGE if status == pytest.ExitCode.USAGE_ERROR else status


def options(arguments: argparse.Namespace) -> list[str]:
    """Return what `pytest bench` takes for these arguments."""
    given: list[str] = []
    for name in OPTIONS:
        value = getattr(arguments, name)
        for each in value if isinstance(value, list) else [value]:
            if each is not None:
                given.append(f"--{name}={each}")
    return [*given, "--allow-bad"] if arguments.allow_bad else given


COMMAND = Command("run", "Measure models of your own.", add_arguments, run)
