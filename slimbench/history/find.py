"""Finding a run: by path, by number, or the latest."""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from slimbench.history.document import HistoryError
from slimbench.history.record import History, load

NOT_MACHINES = frozenset({"published", "baselines"})
"""Folders of the results that hold chosen files, not this machine's runs."""

_NAME = re.compile(r"(?P<number>\d{4,18})_.+_(?P<taken>\d{8}_\d{6})(_dirty)?\.json")


@dataclass(frozen=True, slots=True)
class Run:
    """A history file, by what its name says."""

    number: int
    taken: str
    path: Path


def runs(root: Path, machine_id: str | None) -> list[Run]:
    """Return the runs of a machine, or of all machines, newest first.

    Within a machine the number decides, since a clock may be set back; between machines the
    time does.

    Raises:
        HistoryError: The results folder cannot be read.
    """
    try:
        folders = [
            sorted(_runs_in(folder), key=lambda run: -run.number)
            for folder in ([root / machine_id] if machine_id else sorted(root.iterdir()))
            if folder.is_dir() and (machine_id or folder.name not in NOT_MACHINES)
        ]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise HistoryError(f"The results folder {root} cannot be read: {error}.") from error
    return list(heapq.merge(*folders, key=lambda run: run.taken, reverse=True))


def latest(
    root: Path, machine_id: str | None, profile: str | None, *, complete_only: bool = True
) -> History:
    """Return the newest run, of `profile` where one is named.

    A file that cannot be read is an error, never passed over: an older run would then be taken
    for the latest.

    Raises:
        HistoryError: There is no such run, or a newer one cannot be read.
    """
    passed: list[History] = []
    for run in runs(root, machine_id):
        history = load(run.path)
        if profile is not None and history.profile != profile:
            continue
        if history.status == "complete" or not complete_only:
            return history
        passed.append(history)
    what = f"{'complete ' if complete_only else ''}run{f' of {profile}' if profile else ''}"
    hint = (
        f"The newest, {passed[0].path.name}, is {passed[0].status}: name it by its number or path."
        if passed
        else "Run the benchmarks first."
    )
    raise HistoryError(f"There is no {what} in {_place(root, machine_id)}. {hint}")


def by_number(root: Path, machine_id: str | None, number: int) -> History:
    """Return the run with this number, whatever its profile and status.

    Raises:
        HistoryError: There is none, several machines have one, or it cannot be read.
    """
    every = runs(root, machine_id)
    found = [run for run in every if run.number == number]
    if len(found) > 1:
        places = ", ".join(str(run.path) for run in found)
        raise HistoryError(f"There are several runs {number}: name one by its path ({places}).")
    if not found:
        known = ", ".join(str(run.number) for run in every[:10]) or "none"
        raise HistoryError(
            f"There is no run {number} in {_place(root, machine_id)}. Newest: {known}."
        )
    return load(found[0].path)


def resolve(
    what: str, root: Path, machine_id: str | None = None, profile: str | None = None
) -> History:
    """Return the run that a user named: `latest`, a number, or a path.

    Raises:
        HistoryError: There is no such run, or it cannot be read.
    """
    if what == "latest":
        return latest(root, machine_id, profile)
    if what.isascii() and what.isdigit() and len(what) < 19:
        return by_number(root, machine_id, int(what))
    return load(Path(what))


def _runs_in(folder: Path) -> Iterator[Run]:
    for path in folder.iterdir():
        if match := _NAME.fullmatch(path.name):
            yield Run(int(match["number"]), match["taken"], path)


def _place(root: Path, machine_id: str | None) -> Path:
    return root / machine_id if machine_id else root
