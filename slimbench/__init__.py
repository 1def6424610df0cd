"""Slim image classifiers down, measure each variant, hold it to budgets.

What a program may use of it: the saved runs, typed. Everything else is for the command, the pytest
plugin and suites.

    import pandas, slimbench
    pandas.DataFrame(slimbench.rows(slimbench.runs(profile="digits")))
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from slimbench.history.document import HistoryError
    from slimbench.history.record import Entry, History

__all__ = ["Entry", "History", "HistoryError", "load", "rows", "runs"]


def runs(results: str | Path | None = None, *, profile: str | None = None) -> list[History]:
    """Return the saved runs, newest first.

    Args:
        results: the folder of histories; by default that of the project one stands in.
        profile: which runs; all by default.

    Raises:
        HistoryError: A file cannot be read, or is no valid history; the message names it. Files
            of other tools are named in the log and left out.
    """
    from slimbench.history import select  # noqa: PLC0415 - see `__getattr__`
    from slimbench.paths import results_folder  # noqa: PLC0415

    folder = results_folder() if results is None else Path(results)
    saved = select.histories(select.runs(folder, None))
    return [history for history in saved if profile in (None, history.profile)]


def load(path: str | Path) -> History:
    """Return one saved run; raises HistoryError where the file cannot be read."""
    from slimbench.history.record import load as load_history  # noqa: PLC0415

    return load_history(Path(path))


def rows(histories: Iterable[History]) -> list[dict[str, Any]]:
    """Return a flat row for each measured case, such as pandas.DataFrame takes.

    Besides the run's file, time and commit a row has the keys of `extra_info` but for lists of
    samples and answers; `latency_ms` becomes `latency_ms.p50` and so on. What was not measured is
    None.
    """
    from slimbench.history.record import row  # noqa: PLC0415

    return [row(history, entry) for history in histories for entry in history.entries]


def __getattr__(name: str) -> Any:
    """Give the types when they are asked for: what reads histories takes its time to import."""
    if name in ("Entry", "History"):
        from slimbench.history import record  # noqa: PLC0415

        return getattr(record, name)
    if name == "HistoryError":
        from slimbench.history.document import HistoryError  # noqa: PLC0415

        return HistoryError
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
