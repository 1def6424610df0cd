"""`slimbench store`: see what was built and kept, and make room."""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tabulate import tabulate

from slimbench.build import recipe
from slimbench.build.store import Artifact, Store
from slimbench.commands import Command, add_results
from slimbench.datasets.photos import archives
from slimbench.errors import Unavailable, UsageProblem
from slimbench.export.source import is_photographs_of
from slimbench.gate.baseline import load_baseline
from slimbench.history.document import HistoryError
from slimbench.history.record import Entry, History, load
from slimbench.history.select import runs
from slimbench.paths import results_folder
from slimbench.spec import Step
from slimbench.steps.gzip_size import GzipSize
from slimbench.suite import profiles, variants

DAY = 24 * 3600

ASK_BYTES = 10**9
"""More than this is removed only when somebody agrees."""

TRENDS = "trend"
"""Below the store's root: what `slimbench history` has read, which it can read again."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what is to be removed."""
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument(
        "--prune",
        action="store_true",
        help="remove leftovers of killed runs, logs older than a week, unpacked archives and what "
        "neither a variant of a profile nor a saved run needs",
    )
    choice.add_argument("--clear", action="store_true", help="remove everything")
    parser.add_argument(
        "--dry-run", action="store_true", help="say what would be removed, and remove nothing"
    )
    parser.add_argument("--yes", action="store_true", help="do not ask before removing over 1 GB")
    add_results(
        parser,
        "a folder of saved runs: what they measured is kept from --prune, as is what those "
        "measured that were saved with this store in other projects",
    )


def run(arguments: argparse.Namespace) -> int:
    """List the store's objects, after removing what was asked for."""
    store = Store()
    store.prepare()
    if arguments.clear or arguments.prune:
        keep = set() if arguments.clear else _kept(store, _results(store, arguments.results))
        unneeded = [artifact for artifact in store.objects() if artifact.key not in keep]
        if arguments.dry_run:
            for artifact in unneeded:
                print(f"would remove {artifact.key[:12]} {artifact.title}")
            for unpacked in archives.unpacked_archives(store):
                print(f"would remove {unpacked.sha256[:12]} unpacked {unpacked.archive}")
            return 0
        _check_size(unneeded, agreed=arguments.yes)
        for artifact in unneeded:
            store.remove(artifact.key)
            print(f"removed {artifact.key[:12]} {artifact.title}")
        _clean(store)
        if arguments.clear:
            shutil.rmtree(store.root / TRENDS, ignore_errors=True)
        for sha256 in archives.remove_all(store):
            print(f"removed {sha256[:12]} unpacked archive")
    rows = [
        (artifact.key[:12], artifact.title, f"{artifact.bytes / 2**20:.1f}", _day(artifact))
        for artifact in store.objects()
    ]
    if rows:
        headers = ("object", "made by", "MiB", "made on")
        print(tabulate(rows, headers=headers, tablefmt="simple", disable_numparse=True))
    for each in archives.unpacked_archives(store):
        print(f"{each.sha256[:12]}  unpacked {each.archive}, {each.files} files")
    total = sum(artifact.bytes for artifact in store.objects())
    noun = "object" if len(rows) == 1 else "objects"
    print(f"{store.root}: {len(rows)} {noun}, {total / 2**20:.0f} MiB")
    return 0


def _needed() -> set[str]:
    """Return the keys of everything in every profile's chains, with the profile's seed."""
    keys: set[str] = set()

    def visit(step: Step, seed: int) -> None:
        key = recipe.key(step, seed)
        if key not in keys:
            keys.add(key)
            for each in step.inputs:
                visit(each, seed)

    for profile in profiles.load_profiles().values():
        for variant in variants.all_variants(profile.dataset).values():
            try:
                visit(GzipSize(variant.chain), profile.seed)
            except Unavailable as error:
                raise UsageProblem(
                    f"What {variant.name} needs cannot be told from the rest: {error}. Prune where "
                    "the variants can be built, or use --clear."
                ) from error
    return keys


def _results(store: Store, named: Path) -> list[Path]:
    """Return the folders whose runs count; raises UsageProblem where the named one is not there."""
    if not named.is_dir() and named != results_folder():
        raise UsageProblem(f"There is no folder {named}, so the runs saved in it cannot be kept.")
    return sorted({named.absolute(), *store.results_folders()})


def _check_size(unneeded: Sequence[Artifact], *, agreed: bool) -> None:
    """Ask before much is removed; raises UsageProblem where nobody agrees."""
    total = sum(artifact.bytes for artifact in unneeded)
    if total <= ASK_BYTES or agreed:
        return
    what = f"{len(unneeded)} objects, {total / 2**20:.0f} MiB, would be removed"
    if not sys.stdin.isatty():
        raise UsageProblem(f"{what}. Look at them with --dry-run, or agree with --yes.")
    if input(f"{what}. Remove them? [y/N] ").strip().lower() not in ("y", "yes"):
        raise UsageProblem("Nothing was removed.")


def _kept(store: Store, results: Sequence[Path]) -> set[str]:
    """Return what pruning leaves: what profiles need, and what saved runs and baselines measured.

    A user's own models, weights that came from a folder and photographs belong to no profile.
    """
    needed = _needed()
    entries = [entry for folder in results for entry in _saved(folder)]
    models = {entry.model_sha256 for entry in entries}
    scored = {(entry.dataset, entry.input_shape): entry for entry in entries if entry.eval_sha256}
    of_runs = {
        artifact.key
        for artifact in store.objects()
        if artifact.key not in needed
        and (
            not models.isdisjoint(artifact.files.values())
            or any(is_photographs_of(entry, artifact) for entry in scored.values())
        )
    }
    if of_runs:
        noun = "object" if len(of_runs) == 1 else "objects"
        print(
            f"kept {len(of_runs)} {noun} that runs saved in {', '.join(map(str, results))} "
            "measured; take those runs away, or use --clear, to be rid of them"
        )
    return needed | of_runs


def _saved(results: Path) -> list[Entry]:
    """Return the entries of all saved runs and baselines; says which file cannot be read."""
    entries: list[Entry] = []
    readers: list[tuple[Path, Callable[[Path], History]]] = [
        *((run.path, load) for run in runs(results, None)),
        *((path, _promoted) for path in (results / "baselines").glob("*.json")),
    ]
    for path, reader in readers:
        try:
            entries.extend(reader(path).entries)
        except HistoryError as error:
            print(f"What it measured is not kept: {error}", file=sys.stderr)
    return entries


def _promoted(path: Path) -> History:
    return load_baseline(path).history


def _clean(store: Store) -> None:
    leftovers = store.sweep()
    if leftovers:
        print(f"removed leftovers of runs that were killed: {leftovers}")
    for log in (store.root / "logs").glob("*.log"):
        if time.time() - log.stat().st_mtime > 7 * DAY:
            log.unlink(missing_ok=True)


def _day(artifact: Artifact) -> str:
    made = (artifact.folder / "manifest.json").stat().st_mtime
    return time.strftime("%Y-%m-%d", time.localtime(made))


COMMAND = Command("store", "List what was built and kept; make room.", add_arguments, run)
