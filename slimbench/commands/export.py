"""`slimbench export`: hand a variant on, with labels, preprocessing and a card of its figures."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from slimbench.commands import Command, add_results
from slimbench.history.select import WAYS, select_one

if TYPE_CHECKING:
    from slimbench.export.description import Exported
    from slimbench.export.source import Source


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what is exported, where to, and whose figures the card shows."""
    parser.add_argument("variant", metavar="VARIANT", help="such as resnet50_f32")
    parser.add_argument(
        "folder",
        type=Path,
        metavar="DIR",
        help="a folder that is not there yet, is empty, or holds an earlier export of VARIANT",
    )
    parser.add_argument("--profile", help="runs of this profile only")
    parser.add_argument(
        "--run",
        metavar="RUN",
        help=f"whose file and figures are meant: {WAYS} (default: the newest complete run whose "
        "file of it is in the store)",
    )
    add_results(parser)
    parser.add_argument(
        "--weights", metavar="DIR", help="where ImageNet weights came from, if from a folder"
    )
    parser.add_argument(
        "--build", action="store_true", help="build the SavedModel again if the store lacks it"
    )


def run(arguments: argparse.Namespace) -> int:
    """Write the folder, whole or not at all, and say what is in it."""
    from rich.console import Console  # noqa: PLC0415 - all of these take their time

    from slimbench.build.store import Store  # noqa: PLC0415
    from slimbench.export import folder, saved_model  # noqa: PLC0415
    from slimbench.export.source import complete_runs, find_source  # noqa: PLC0415
    from slimbench.progress import BuildProgress  # noqa: PLC0415

    folder.check_target(arguments.folder.resolve(), arguments.variant)
    histories = (
        complete_runs(arguments.results, arguments.profile)
        if arguments.run is None
        else [select_one(arguments.run, arguments.results, arguments.profile)]
    )
    store = Store()
    source = find_source(arguments.variant, histories, store)
    step = saved_model.export_step(source, arguments.weights)
    progress = BuildProgress(Console(stderr=True)) if arguments.build else None
    artifact = saved_model.find(step, source, store, progress)
    with folder.atomic_folder(arguments.folder, source.variant) as partial:
        exported = folder.write_files(partial, source, artifact)
    _say(arguments.folder, source, exported)
    return 0


def _say(target: Path, source: Source, exported: Exported) -> None:
    written = [f"{source.variant}.tflite", f"{source.variant}.json"]
    written += [] if exported.saved_model is None else ["saved_model"]
    print(f"{target}: {', '.join(written)}")
    history = source.history
    print(f"Figures: {history.path.name}, profile {history.profile}, {history.taken:%Y-%m-%d}.")
    for name in source.newer:
        print(
            f"{name} is newer, but its file of {source.variant} is not in the store.",
            file=sys.stderr,
        )
    for key, reason in exported.reasons.items():
        print(f"Without {key}: {reason}.", file=sys.stderr)


COMMAND = Command(
    "export", "Write a variant's files, described inside and in a card.", add_arguments, run
)
