"""`slimbench data`: write the images that a profile is scored on, for anyone's code to check."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import numpy as np
from rich.console import Console

from slimbench.atomic_write import replacing
from slimbench.build.scheduler import Failure, build
from slimbench.build.store import Store
from slimbench.commands import Command, add_results
from slimbench.datasets.evaluation import Evaluation, evaluation_sha256, load_evaluation
from slimbench.datasets.photos.listing import DEFAULT_LIMIT
from slimbench.errors import UsageProblem
from slimbench.export.source import complete_runs, scored_on
from slimbench.history.record import Entry
from slimbench.progress import BuildProgress
from slimbench.run.evaluations import evaluations
from slimbench.run.options import DATA_VARIABLE
from slimbench.spec import Choices
from slimbench.suite import profiles, variants
from slimbench.suite.registry import unknown


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what is written, and where."""
    parser.add_argument("profile", metavar="PROFILE", help="such as digits, or own")
    parser.add_argument(
        "--variant", help="the variant whose input size is wanted (default: the reference)"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.npz")
    parser.add_argument(
        "--data",
        type=Path,
        help=f"photographs, a folder or an archive, where the profile has none (${DATA_VARIABLE})",
    )
    parser.add_argument(
        "--images", type=int, default=DEFAULT_LIMIT, help="how many of them at most"
    )
    parser.add_argument("--allow-bad", action="store_true", help="even if many are unreadable")
    add_results(parser, "where runs of your own models are saved")


def run(arguments: argparse.Namespace) -> int:
    """Write `images`, `labels`, `classes` and `eval_sha256` to the file, whole or not at all.

    Of a user's own models it is what their newest complete run was scored on.
    """
    if arguments.out.is_dir() or not arguments.out.parent.is_dir():
        raise UsageProblem(
            f"{arguments.out} cannot be written: name a file in a folder that exists."
        )
    store = Store()
    store.prepare()
    measured = _measured(arguments)
    found = _of_profile(arguments, store) if measured is None else _of_run(measured, store)
    sha256 = evaluation_sha256(found.images, found.labels)
    _write(
        arguments.out,
        images=np.ascontiguousarray(found.images),
        labels=found.labels,
        classes=np.array(found.classes),
        eval_sha256=np.array(sha256),
    )
    shape = " x ".join(str(size) for size in found.images.shape[1:])
    print(f"{arguments.out}: {len(found.images)} images of {shape}, eval_sha256 {sha256}")
    return 0


def _measured(arguments: argparse.Namespace) -> Entry | None:
    """Return the newest measurement in a run of a user's own models; None for other profiles."""
    profile = arguments.profile
    if profile in profiles.load_profiles():
        return None
    history = next(complete_runs(arguments.results, profile), None)
    if history is None:
        profiles.get_profile(profile)  # which says what there is
        return None
    entries = {entry.case.variant: entry for entry in history.entries}
    name = arguments.variant or history.entries[0].reference
    if name not in entries:
        raise unknown("variant", name, entries)
    return entries[name]


def _of_run(entry: Entry, store: Store) -> Evaluation:
    name = entry.case.variant
    if entry.eval_sha256 is None:
        raise UsageProblem(
            f"{name} was not scored on anything. Measure it again, and name images with --data."
        )
    found = scored_on(entry, store)
    if found is None:
        raise UsageProblem(
            f"The store {store.root} no longer has the images that {name} was scored on. "
            "Measure it again with the same --model and --data."
        )
    return found


def _of_profile(arguments: argparse.Namespace, store: Store) -> Evaluation:
    profile = profiles.get_profile(arguments.profile)
    name = arguments.variant or profile.reference
    if name not in profile.variants:
        raise unknown("variant", name, profile.variants)
    named = arguments.data or os.environ.get(DATA_VARIABLE)
    choices = Choices(
        data=Path(named) if named else None,
        limit=arguments.images,
        allow_bad=arguments.allow_bad,
    )
    variant = variants.get(name, profile.dataset)
    step = evaluations([variant], choices)[name]
    if step is None:
        raise UsageProblem(
            f"{profile.name} has no images of its own: name a folder with --data or "
            f"{DATA_VARIABLE}."
        )
    with BuildProgress(Console(stderr=True)) as progress:
        result = build([step], profile.seed, store, progress).results[step]
    if isinstance(result, Failure):
        raise UsageProblem(f"The images of {profile.name} could not be made: {result.reason}")
    return load_evaluation(result.folder)


def _write(path: Path, **arrays: np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> None:
    with replacing(path) as partial, partial.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]


COMMAND = Command("data", "Write exactly what a profile is scored on.", add_arguments, run)
