"""`slimbench init`: write a suite of one's own into a project."""

from __future__ import annotations

import argparse
from pathlib import Path

from slimbench.commands import Command
from slimbench.paths import SOURCE_MARKS, project_folder, short

EPILOG = """
Written are bench/, fixtures/, conftest.py and a workflow for GitHub that gates pull requests. The
Python files are those of slimbench's own suite; profile, budgets and variants are made for your
model: itself, and quantised in the usual ways, which needs the extra `build`. Nothing that is there
already is changed.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the suite measures, and where its fixtures go."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = EPILOG
    parser.add_argument(
        "--model",
        type=Path,
        metavar="PATH",
        help="what is measured (default: the variants of slimbench's own suite)",
    )
    parser.add_argument(
        "--data", type=Path, metavar="PATH", help="images to score on, a folder for each class"
    )
    parser.add_argument(
        "--fixtures-dir",
        default="fixtures",
        metavar="NAME",
        help="what the folder of the fixtures is called (default: fixtures)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Write the suite and say what to do next.

    Raises:
        UsageProblem: It does not fit; nothing was written then.
    """
    from slimbench.init.suite import plan_suite  # noqa: PLC0415 - the other commands need none

    project = project_folder(marks=SOURCE_MARKS)
    suite = plan_suite(project, arguments.model, arguments.data, arguments.fixtures_dir)
    suite.write()
    for path in sorted(suite.files):
        print(f"wrote {short(path)}")
    for paragraph in suite.advice:
        print(f"\n{paragraph}")
    print("\nNext, in", project)
    for command, purpose in (
        (f"pytest bench --profile={suite.profile}", "build, measure and judge"),
        (f'slimbench promote latest --profile={suite.profile} --reason "the first"', "keep it"),
        (f"slimbench gate --profile={suite.profile}", "hold later runs against it"),
    ):
        print(f"  {command:<68}  {purpose}")
    return 0


COMMAND = Command("init", "Write a suite of your own into your project.", add_arguments, run)
