"""`slimbench run`: measure models of one's own, from wherever one stands."""

from __future__ import annotations

import argparse
import os
import re

from slimbench.commands import Command
from slimbench.environment import changed_variables
from slimbench.errors import USAGE_STATUS
from slimbench.paths import REFERENCE, suite_folder
from slimbench.run.options import OPTIONS
from slimbench.steps.own_file import KINDS
from slimbench.suite.profiles import OWN_PROFILE
from slimbench.user_models.request import FORMS

QUIETLY = (
    "--no-header",
    "-Wignore::ResourceWarning",  # of a file that Ctrl-C leaves open
    "-Wignore::pytest.PytestAssertRewriteWarning",  # slimbench runs already, and is its plugin too
)

ALONE = (
    "-c",
    os.devnull,
    f"--rootdir={REFERENCE}",
    "-pno:cacheprovider",
    "-ppytest_benchmark.plugin",
)
"""The configuration of the project one stands in is for its own tests."""

OF_SUITES = ("weights",)
"""Options that mean nothing for a model in a file."""

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
    for option in OPTIONS:
        if option.name not in OF_SUITES:
            settings = dict(option.settings)
            if option.name == "model":
                settings["required"] = True
            parser.add_argument(f"--{option.name}", **settings)


def run(arguments: argparse.Namespace) -> int:
    """Run the benchmarks in this process; returns their exit status, 2 for what is not usable.

    0: all is measured and every budget kept; 1: a budget is broken, or a model failed.

    Raises:
        KeyboardInterrupt: Somebody pressed Ctrl-C; what was measured until then is saved.
    """
    import pytest  # noqa: PLC0415 - the other subcommands need none of it

    suite_folder()  # is looked for where one stands, which may have a suite of its own
    # The plugins that are installed beside slimbench are for other tests, too.
    with changed_variables("PYTEST_", PYTEST_DISABLE_PLUGIN_AUTOLOAD="1"):
        status = int(pytest.main([str(REFERENCE / "bench"), *ALONE, *QUIETLY, *options(arguments)]))
    if status == pytest.ExitCode.INTERRUPTED:  # of which pytest says nothing before its session
        raise KeyboardInterrupt
    return USAGE_STATUS if status == pytest.ExitCode.USAGE_ERROR else status


def options(arguments: argparse.Namespace) -> list[str]:
    """Return what `pytest bench` takes for these arguments."""
    typed: list[str] = []
    for option in OPTIONS:
        value = getattr(arguments, option.name.replace("-", "_"), None)
        if value is True:
            typed.append(f"--{option.name}")
        elif value not in (None, False):
            values = value if isinstance(value, list) else [value]
            typed.extend(f"--{option.name}={one}" for one in values)
    return typed


COMMAND = Command("run", "Measure models of your own.", add_arguments, run)
