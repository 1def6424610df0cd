"""Saved runs as a user names them: by number, path, commit, profile, pattern, or the latest."""

from __future__ import annotations

import heapq
import logging
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from slimbench.history.document import ForeignFile, HistoryError
from slimbench.history.record import History, load

logger = logging.getLogger(__name__)

WAYS = (
    "a number, a path, latest, commit:2ef59e1, profile:digits, or a pattern over file names "
    "such as '*_20250301_*'"
)
"""How a run can be named, for messages and help."""

MOST = 26
"""Runs that a pattern may match; more were hardly meant."""

NOT_MACHINES = frozenset({"published", "baselines"})
"""Folders of the results that hold chosen files, not this machine's runs."""

_NAME = re.compile(r"(?P<number>\d{4,18})_.+_(?P<taken>\d{8}_\d{6})(_dirty)?\.json")

_COMMIT_DIGITS = 12
"""Digits of the commit in a history's file name."""


@dataclass(frozen=True, slots=True)
class Run:
    """A history file, by what its name says."""

    number: int
    taken: str
    path: Path


def select(what: str, root: Path, profile: str | None = None) -> tuple[History, ...]:
    """Return the runs that `what` names, in the order they were taken; never none.

    A pattern may name several, everything else names one. `profile` narrows `latest` and
    `commit:`, which like `profile:` mean complete runs; the others take any.

    Raises:
        HistoryError: Nothing, or more than was meant, goes by that name; or it cannot be read.
    """
    kind, colon, name = what.partition(":")
    if colon and kind in ("commit", "profile") and not name:
        raise HistoryError(f"{what!r} names no {kind}. Name a run by {WAYS}.")
    if colon and kind == "commit":
        return (_by_commit(name.lower(), root, profile),)
    if colon and kind == "profile":
        return (latest(root, None, name),)
    if _is_pattern(what):
        return _by_pattern(what, root)
    if what != "latest" and not what.isdigit() and not (what and Path(what).exists()):
        raise HistoryError(f"There is no run {what!r}. Name one by {WAYS}.")
    return (resolve(what, root, profile=profile),)


def select_one(what: str, root: Path, profile: str | None = None) -> History:
    """Return the one run that `what` names.

    Raises:
        HistoryError: as `select`, and where a pattern names several.
    """
    named = select(what, root, profile)
    if len(named) > 1:
        names = ", ".join(history.path.name for history in named)
        raise HistoryError(f"{what!r} names {len(named)} runs where one is wanted: {names}.")
    return named[0]


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


def histories(saved: Iterable[Run]) -> Iterator[History]:
    """Read runs one after the other; files of other tools are named in the log and left out."""
    for run in saved:
        try:
            yield load(run.path)
        except ForeignFile as problem:
            logger.warning("Left out: %s", problem)


def latest(
    root: Path, machine_id: str | None, profile: str | None, *, complete_only: bool = True
) -> History:
    """Return the newest run, of `profile` where one is named.

    A file that cannot be read is an error, never passed over: an older run would then be taken
    for the latest.

    Raises:
        HistoryError: There is no such run, or a newer one cannot be read.
    """
    incomplete: list[History] = []
    for history in histories(runs(root, machine_id)):
        if profile is not None and history.profile != profile:
            continue
        if history.status == "complete" or not complete_only:
            if incomplete:
                logger.warning("%s", _passed_over(incomplete, history))
            return history
        incomplete.append(history)
    what = f"{'complete ' if complete_only else ''}run{f' of {profile}' if profile else ''}"
    hint = (
        f"The newest, {incomplete[0].path.name}, is {incomplete[0].status}: name it by its number "
        "or path."
        if incomplete
        else "Run the benchmarks first."
    )
    raise HistoryError(f"There is no {what} in {_folder(root, machine_id)}. {hint}")


def _passed_over(incomplete: Sequence[History], taken: History) -> str:
    names = ", ".join(f"{run.path.name} ({run.status})" for run in incomplete[:3])
    more = f" and {len(incomplete) - 3} more" if len(incomplete) > 3 else ""
    return (
        f"latest is {taken.path.name}: newer runs were not measured whole, {names}{more}. "
        "To take one of them, name it by its number or path."
    )


def by_number(root: Path, machine_id: str | None, number: int) -> History:
    """Return the run with this number, whatever its profile and status.

    Raises:
        HistoryError: There is none, several machines have one, or it cannot be read.
    """
    saved = runs(root, machine_id)
    matching = [run for run in saved if run.number == number]
    if len(matching) > 1:
        paths = ", ".join(str(run.path) for run in matching)
        raise HistoryError(f"There are several runs {number}: name one by its path ({paths}).")
    if not matching:
        known = ", ".join(str(run.number) for run in saved[:10]) or "none"
        raise HistoryError(
            f"There is no run {number} in {_folder(root, machine_id)}. Newest: {known}."
        )
    return load(matching[0].path)


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


def _is_pattern(what: str) -> bool:
    return any(character in what for character in "*?[") and not Path(what).exists()


def _by_pattern(pattern: str, root: Path) -> tuple[History, ...]:
    saved = runs(root, None)
    matching = [run for run in saved if fnmatchcase(run.path.name, pattern)]
    if not matching:
        newest = ", ".join(run.path.name for run in saved[:3]) or "none"
        raise HistoryError(f"No run in {root} has a name like {pattern!r}. Newest: {newest}.")
    if len(matching) > MOST:
        raise HistoryError(
            f"{pattern!r} names {len(matching)} runs, more than {MOST} cannot be shown. "
            "Narrow the pattern."
        )
    return tuple(load(run.path) for run in reversed(matching))


def _by_commit(prefix: str, root: Path, profile: str | None) -> History:
    """Return the newest complete run of a commit, one of a clean checkout where there is one."""
    if not re.fullmatch(r"[0-9a-f]{4,64}", prefix):
        raise HistoryError(
            f"{prefix!r} is not the beginning of a commit: it takes at least 4 hexadecimal digits."
        )
    named = [run for run in runs(root, None) if _commit(run).startswith(prefix[:_COMMIT_DIGITS])]
    commits = sorted({_commit(run) for run in named})
    if len(commits) > 1:
        raise HistoryError(
            f"Several commits begin with {prefix}: {', '.join(commits)}. Give more digits."
        )
    matching = [
        history
        for history in histories(named)
        if history.commit.startswith(prefix) and profile in (None, history.profile)
    ]
    what = f"run of commit {prefix}{f' and profile {profile}' if profile else ''}"
    if not matching:
        raise HistoryError(f"There is no {what} in {root}.")
    complete = [history for history in matching if history.status == "complete"]
    if not complete:
        raise HistoryError(
            f"There is no complete {what} in {root}. The newest, {matching[0].path.name}, is "
            f"{matching[0].status}: name it by its number or path."
        )
    profiles = sorted({history.profile for history in complete})
    if len(profiles) > 1:
        raise HistoryError(
            f"Commit {prefix} has runs of several profiles: {', '.join(profiles)}. "
            "Choose with --profile, or name a run by its number."
        )
    return next((history for history in complete if not history.dirty), complete[0])


def _commit(run: Run) -> str:
    """Return the commit as the file's name has it, `NNNN_<commit>_<date>_<time>`."""
    return run.path.name.split("_")[1]


def _runs_in(folder: Path) -> Iterator[Run]:
    for path in folder.iterdir():
        if match := _NAME.fullmatch(path.name):
            yield Run(int(match["number"]), match["taken"], path)


def _folder(root: Path, machine_id: str | None) -> Path:
    return root / machine_id if machine_id else root
