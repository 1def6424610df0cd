"""Choosing saved runs in the ways that a user has of naming them: by commit, profile or pattern."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from pathlib import Path

from slimbench.history.document import HistoryError
from slimbench.history.find import Run, latest, resolve, runs
from slimbench.history.record import History, load

WAYS = (
    "a number, a path, latest, commit:2ef59e1, profile:digits, or a pattern over file names "
    "such as '*_20250301_*'"
)
"""How a run can be named, for messages and help."""

MOST = 26
"""A pattern that takes in more runs than this was not meant."""

_IN_NAMES = 12
"""Digits of the commit that a history's file name has."""


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
    found = select(what, root, profile)
    if len(found) > 1:
        names = ", ".join(history.path.name for history in found)
        raise HistoryError(f"{what!r} names {len(found)} runs where one is wanted: {names}.")
    return found[0]


def _is_pattern(what: str) -> bool:
    return any(character in what for character in "*?[") and not Path(what).exists()


def _by_pattern(pattern: str, root: Path) -> tuple[History, ...]:
    every = runs(root, None)
    found = [run for run in every if fnmatchcase(run.path.name, pattern)]
    if not found:
        newest = ", ".join(run.path.name for run in every[:3]) or "none"
        raise HistoryError(f"No run in {root} has a name like {pattern!r}. Newest: {newest}.")
    if len(found) > MOST:
        raise HistoryError(
            f"{pattern!r} names {len(found)} runs, more than {MOST} cannot be shown. "
            "Narrow the pattern."
        )
    return tuple(load(run.path) for run in reversed(found))


def _by_commit(prefix: str, root: Path, profile: str | None) -> History:
    """Return the newest complete run of a commit, one of a clean checkout where there is one."""
    if not re.fullmatch(r"[0-9a-f]{4,64}", prefix):
        raise HistoryError(
            f"{prefix!r} is not the beginning of a commit: it takes at least 4 hexadecimal digits."
        )
    named = [run for run in runs(root, None) if _commit(run).startswith(prefix[:_IN_NAMES])]
    commits = sorted({_commit(run) for run in named})
    if len(commits) > 1:
        raise HistoryError(
            f"Several commits begin with {prefix}: {', '.join(commits)}. Give more digits."
        )
    found = [
        history
        for run in named
        if (history := load(run.path)).commit.startswith(prefix)
        and profile in (None, history.profile)
    ]
    what = f"run of commit {prefix}{f' and profile {profile}' if profile else ''}"
    if not found:
        raise HistoryError(f"There is no {what} in {root}.")
    complete = [history for history in found if history.status == "complete"]
    if not complete:
        raise HistoryError(
            f"There is no complete {what} in {root}. The newest, {found[0].path.name}, is "
            f"{found[0].status}: name it by its number or path."
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
