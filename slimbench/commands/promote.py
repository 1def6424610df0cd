"""`slimbench promote`: make a run the baseline of its profile, by a person and for a reason."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from slimbench.build.store import Store
from slimbench.commands import Command, add_results
from slimbench.gate.baseline import (
    Baseline,
    Promotion,
    baseline_document,
    baseline_path,
    load_baseline,
    save_baseline,
)
from slimbench.gate.model_files import VARIABLE, Keep, KeepError, keep_at
from slimbench.history import rebuild_command
from slimbench.history.document import HistoryError, read
from slimbench.history.record import History, record
from slimbench.history.select import WAYS, select_one
from slimbench.paths import project_folder


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add which run, why, and where its models are kept."""
    parser.add_argument("run", metavar="RUN", help=WAYS)
    parser.add_argument("--reason", required=True, help="why this run is the one to keep to")
    parser.add_argument("--profile", help="of which profile latest and commit: are meant")
    parser.add_argument(
        "--models",
        metavar="LOCATION",
        help="where the model files are kept for other machines: a folder, or an fsspec address "
        f"(default: ${VARIABLE})",
    )
    parser.add_argument(
        "--despite-budgets", action="store_true", help="take a run that broke budgets, and say so"
    )
    add_results(parser)


def run(arguments: argparse.Namespace) -> int:
    """Keep the models, then write the baseline, so that it never names what was not kept."""
    path = select_one(arguments.run, arguments.results, arguments.profile).path
    content = read(path)
    history = record(content, path)
    document = baseline_document(
        content,
        history,
        Promotion(datetime.now(UTC), _user_name(), arguments.reason),
        despite_budgets=arguments.despite_budgets,
    )
    target = baseline_path(arguments.results, history.profile)
    before = _before(target)
    location = arguments.models or os.environ.get(VARIABLE)
    store = Store().root
    kept = _keep(history, store, keep_at(location)) if location else _stay(history, store)
    baseline = save_baseline(document, target)
    print(f"{target}: {len(baseline.history.entries)} cases of {path.name}.")
    for line in [*_replaced(target, before, baseline), *_remarks(history), kept]:
        print(line)
    return 0


def _user_name() -> str | None:
    """Return git's user.name, None where git is not there or knows none."""
    git = shutil.which("git")
    if git is None:
        return None
    asked = subprocess.run(
        [git, "config", "user.name"],
        cwd=project_folder(),
        capture_output=True,
        text=True,
        check=False,
    )
    return asked.stdout.strip() or None


def _before(target: Path) -> Baseline | str | None:
    """Return the baseline that is about to be replaced, or what is wrong with it, or None."""
    if not target.exists():
        return None
    try:
        return load_baseline(target)
    except HistoryError as problem:
        return str(problem)


def _replaced(target: Path, before: Baseline | str | None, baseline: Baseline) -> list[str]:
    if before is None:
        return [f"It is the first baseline of {baseline.history.profile}; commit {target.name}."]
    if isinstance(before, str):
        return [f"It replaces one that could not be read: {before}"]
    said = [
        f"It replaces {before.run_file}, promoted on {before.promotion.at:%Y-%m-%d} "
        f"({before.promotion.reason.rstrip('.')})."
    ]
    now = {entry.case for entry in baseline.history.entries}
    gone = [entry.case.id for entry in before.history.entries if entry.case not in now]
    if gone:
        said.append(f"No longer in the baseline, so no longer guarded: {', '.join(gone)}.")
    return said


def _remarks(history: History) -> list[str]:
    said = []
    if history.missing:
        names = ", ".join(missing.variant for missing in history.missing)
        said.append(f"Of the profile, the run could not have and the baseline lacks: {names}.")
    if history.dirty and not rebuild_command.is_user_profile(history.profile):
        said.append(
            "The run's checkout had changes that were not committed: its commit alone does not "
            "build these models again."
        )
    return said


def _files(history: History, store: Path) -> dict[str, Path]:
    """Return the `.tflite` files that were measured, by sha256; paths stay inside the store.

    Raises:
        KeepError: The history names a file outside.
    """
    found = {}
    for entry in history.entries:
        path = (store / entry.model_file).resolve()
        if not path.is_relative_to(store.resolve()):
            raise KeepError(
                f"{history.path.name} has the model of {entry.case.id} at {entry.model_file}, "
                "which is outside the artifact store. The file was changed; promote another run."
            )
        if path.suffix == ".tflite":
            found[entry.model_sha256] = path
    return found


def _keep(history: History, store: Path, place: Keep) -> str:
    files = _files(history, store)
    absent = [
        path for sha256, path in files.items() if not path.is_file() and not place.has(sha256)
    ]
    if absent:
        raise KeepError(
            f"{len(absent)} of the run's {len(files)} models are neither in the artifact store "
            f"nor in {place.address}; the first is {absent[0]}. Run the benchmarks again "
            f"({rebuild_command.command(history.profile)}) and promote that run."
        )
    copied = sum(place.put(path, sha256) for sha256, path in files.items())
    return f"Models: {copied} copied to {place.address}, {len(files) - copied} were there already."


def _stay(history: History, store: Path) -> str:
    files = _files(history, store)
    there = sum(path.is_file() for path in files.values())
    return (
        f"Models: {there} of {len(files)} are in the artifact store {store} and stay only there. "
        f"For other machines, keep them with --models LOCATION or {VARIABLE}."
    )


COMMAND = Command(
    "promote", "Make a run the baseline of its profile, for a reason.", add_arguments, run
)
