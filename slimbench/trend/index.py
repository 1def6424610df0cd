"""The index of saved runs: what trends need of each history, so that none is parsed twice.

It is a cache in SQLite, one for each results folder, below the artifact store's root in a folder
that pruning the store leaves alone. It may be deleted at any time. A history is known by its path,
size and time of change; one file's rows are written in one transaction, so a killed command leaves
a smaller index and never a wrong one.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar

from filelock import FileLock, Timeout

from slimbench.history.document import HistoryError
from slimbench.history.select import Run, runs
from slimbench.spec import Advance
from slimbench.trend.history_summary import read_summary

VERSION = 2
"""Of the tables below and of what is read into them; an index of another one is rebuilt."""

LOCK_SECONDS = 120.0
"""How long to wait for another command that is indexing the same folder."""

MANY = 500
"""New histories that are committed together."""

_APPLICATION = 0x736C696D  # "slim"

_TABLES = """
CREATE TABLE file (
    id INTEGER PRIMARY KEY, path BLOB NOT NULL UNIQUE, size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL, number INTEGER NOT NULL, taken TEXT, status TEXT, profile TEXT,
    revision TEXT, dirty INTEGER, cpu TEXT, versions TEXT, problem TEXT
);
CREATE TABLE measured (
    variant TEXT NOT NULL, file INTEGER NOT NULL, engine TEXT NOT NULL, threads INTEGER NOT NULL,
    options TEXT NOT NULL, reference TEXT NOT NULL, images TEXT, figures TEXT NOT NULL,
    reasons TEXT NOT NULL,
    PRIMARY KEY (variant, file, engine, threads)
) WITHOUT ROWID;
CREATE VIEW shown AS
    SELECT * FROM measured JOIN file ON file.id = measured.file
    WHERE status IN ('complete', 'partial');
"""

Work = TypeVar("Work")


class ForeignDatabase(sqlite3.DatabaseError):
    """The file is a database, but not an index of this version."""


class IndexUnavailable(RuntimeError):
    """The index cannot be written, or another command has locked it."""


def using(
    results: Path,
    cache: Path,
    work: Callable[[sqlite3.Connection], Work],
    note: Callable[[str], None],
) -> Work:
    """Call `work` with the index of a results folder, under its lock; `note` gets the warnings.

    A damaged or foreign file is replaced and the work done again. Where the index cannot be kept,
    the work is done on one in memory, which is correct but reads every history.
    """
    path = index_path(results, cache)
    try:
        with _locked(path, note):
            try:
                return _on(path, work)
            except (sqlite3.DatabaseError, json.JSONDecodeError) as error:
                if not _is_damaged(error):
                    raise
                note(f"The index {path} is not usable ({error}); it is built again.")
                _discard(path)
                return _on(path, work)
    except (sqlite3.OperationalError, IndexUnavailable) as error:
        note(
            f"The index {path} cannot be kept ({error}), so every history is read again each "
            "time. Free its folder, or set SLIMBENCH_STORE to one that can be written."
        )
    with closing(_connected(":memory:")) as connection:
        _prepare(connection)
        return work(connection)


def index_path(results: Path, cache: Path) -> Path:
    """Return where the index of a results folder is."""
    name = hashlib.sha256(os.fsencode(results.resolve())).hexdigest()[:16]
    return cache / "trend" / f"{name}.sqlite3"


def refresh(connection: sqlite3.Connection, results: Path, advance: Advance) -> None:
    """Bring the index up to the histories there are.

    New and changed files are read, vanished ones dropped. One that cannot be read is kept with
    its problem, and read again when it changes.

    Raises:
        HistoryError: The results folder cannot be read.
    """
    known = {
        path: (file, size, mtime)
        for file, path, size, mtime in connection.execute(
            "SELECT id, path, size, mtime_ns FROM file"
        )
    }
    fresh: list[tuple[Run, bytes, tuple[int, int]]] = []
    for run in runs(results, None):
        path = os.fsencode(f"{run.path.parent.name}/{run.path.name}")
        mark = _mark(run.path)
        if mark is None:
            continue
        if path in known and known[path][1:] == mark:
            del known[path]
        else:
            fresh.append((run, path, mark))
    _drop(connection, [file for file, _, _ in known.values()])
    for done in range(0, len(fresh), MANY):
        connection.execute("BEGIN IMMEDIATE")
        with connection:
            for i, (run, path, mark) in enumerate(fresh[done : done + MANY], done):
                advance(i, len(fresh), "indexing histories")
                _add(connection, run, path, mark)


def _mark(path: Path) -> tuple[int, int] | None:
    """Return size and time of change; None for what vanished, or leads nowhere."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns


def _drop(connection: sqlite3.Connection, files: Sequence[int]) -> None:
    if not files:
        return
    chosen = json.dumps(files)
    connection.execute("BEGIN IMMEDIATE")
    with connection:
        for table, key in (("measured", "file"), ("file", "id")):
            connection.execute(
                f"DELETE FROM {table} WHERE {key} IN (SELECT value FROM json_each(?))",  # noqa: S608
                (chosen,),
            )


def _add(connection: sqlite3.Connection, run: Run, path: bytes, mark: tuple[int, int]) -> None:
    try:
        summary = read_summary(run.path)
    except HistoryError as problem:
        connection.execute(
            "INSERT INTO file (path, size, mtime_ns, number, problem) VALUES (?, ?, ?, ?, ?)",
            (path, *mark, run.number, _storable(str(problem))),
        )
        return
    file = connection.execute(
        "INSERT INTO file VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL)",
        (
            path,
            *mark,
            run.number,
            summary.taken,
            summary.status,
            summary.profile,
            summary.commit,
            summary.dirty,
            summary.cpu,
            _as_json(tuple(summary.versions.items())),
        ),
    ).lastrowid
    connection.executemany(
        "INSERT INTO measured VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            (
                measurement.case.variant,
                file,
                measurement.case.engine,
                measurement.case.threads,
                _as_json(tuple(measurement.options.items())),
                measurement.reference,
                measurement.images,
                json.dumps(measurement.values),
                _as_json(tuple(measurement.reasons.items())),
            )
            for measurement in summary.cases
        ),
    )


@functools.lru_cache(maxsize=256)
def _as_json(texts: tuple[tuple[str, str], ...]) -> str:
    """Return texts by name as JSON; nearly all runs have the same."""
    return json.dumps(dict(texts), sort_keys=True)


def _storable(text: str) -> str:
    """Replace what UTF-8 cannot hold, as of a file name that is none."""
    return text.encode(errors="replace").decode()


@contextmanager
def _locked(path: Path, note: Callable[[str], None]) -> Iterator[None]:
    lock = FileLock(path.with_suffix(".lock"))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(timeout=0.5)
        except Timeout:
            note("Another command is using the index of these results; waiting for it.")
            lock.acquire(timeout=LOCK_SECONDS)
    except Timeout as error:
        raise IndexUnavailable(f"another command has held it for {LOCK_SECONDS:.0f} s") from error
    except (OSError, NotImplementedError) as error:
        raise IndexUnavailable(str(error)) from error
    try:
        yield
    finally:
        lock.release()


def _discard(path: Path) -> None:
    try:
        for suffix in ("", "-journal"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
    except OSError as error:
        raise IndexUnavailable(str(error)) from error


def _on(path: Path, work: Callable[[sqlite3.Connection], Work]) -> Work:
    with closing(_connected(str(path))) as connection:
        _prepare(connection)
        return work(connection)


def _connected(name: str) -> sqlite3.Connection:
    # Transactions are begun by hand: the module's own would begin one for each statement.
    return sqlite3.connect(name, timeout=LOCK_SECONDS, isolation_level=None)


def _prepare(connection: sqlite3.Connection) -> None:
    """Make the tables in a new file; raises ForeignDatabase where others are in it."""
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if (application, version, tables) == (0, 0, 0):
        mark = f"PRAGMA application_id = {_APPLICATION}; PRAGMA user_version = {VERSION};"
        connection.executescript(f"BEGIN IMMEDIATE; {_TABLES} {mark} COMMIT;")
    elif (application, version) != (_APPLICATION, VERSION):
        raise ForeignDatabase("it is of another program or version")


def _is_damaged(error: Exception) -> bool:
    """Tell a file that is no good from a place that cannot be written or is busy."""
    if isinstance(error, ForeignDatabase | json.JSONDecodeError):
        return True
    name = getattr(error, "sqlite_errorname", "") or ""
    return name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")) or name == "SQLITE_ERROR"


if TYPE_CHECKING:
    from rich.progress import Progress

QUIET_SECONDS = 10.0
"""Between two lines in a log, where no bar can be drawn."""

FEW = 20
"""Histories that are read so soon that nothing needs to be shown."""


class IndexProgress:
    """A bar on a terminal, lines in a log, on standard error; it is a `slimbench.spec.Advance`.

    Mostly there is nothing to show, and then nothing is loaded that could show it.
    """

    def __init__(self) -> None:
        self._bar: Progress | None = None
        self._last_line = float("-inf")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None and self._bar.console.is_terminal:
            self._bar.stop()

    def __call__(self, done: float, total: float, note: str = "") -> None:
        """Show that `done` of `total` are behind."""
        if self._bar is None:
            if total < FEW:
                return
            self._bar = _bar()
        if self._bar.console.is_terminal:
            (task,) = self._bar.task_ids
            self._bar.update(task, completed=done, total=total, description=note)
        elif time.monotonic() - self._last_line >= QUIET_SECONDS:
            self._last_line = time.monotonic()
            self._bar.console.print(f"{note}: {done:,.0f} of {total:,.0f}", highlight=False)


def _bar() -> Progress:
    """Return a bar, which moves if there is a terminal."""
    from rich import progress  # noqa: PLC0415
    from rich.console import Console  # noqa: PLC0415

    console = Console(stderr=True)
    bar = progress.Progress(
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.MofNCompleteColumn(),
        progress.TimeRemainingColumn(),
        console=console,
        transient=True,
    )
    bar.add_task("", total=None)
    if console.is_terminal:
        bar.start()
    return bar
