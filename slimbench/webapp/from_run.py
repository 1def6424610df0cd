"""What `PROFILE=... VARIANT=...` serves: a variant of a saved run, its file from the store.

Nothing is built here, and TensorFlow need not be installed.
"""

from __future__ import annotations

from pathlib import Path

from slimbench.build.store import Store
from slimbench.errors import UsageProblem
from slimbench.export.description import describe
from slimbench.export.source import Source, find_source
from slimbench.history import rebuild_command
from slimbench.history.document import HistoryError
from slimbench.history.record import History
from slimbench.history.select import latest
from slimbench.webapp.manifest import Models
from slimbench.webapp.measured import measurement, served


def from_run(
    profile: str, variant: str | None, results: Path, store: Store | None = None
) -> Models:
    """Return a variant of the latest complete run of a profile; its version is the run's name.

    Raises:
        UsageProblem: There is no such run or variant, the store no longer has the file that was
            measured, or the names of its classes are not known.
    """
    store = Store() if store is None else store
    history = _latest(profile, results)
    if variant is None:
        names = dict.fromkeys(entry.case.variant for entry in history.entries)
        raise UsageProblem(
            f"Name one of the variants of {history.path.name} with VARIANT=: {', '.join(names)}."
        )
    source = find_source(variant, [history], store)
    measured = measurement(history.path, variant)
    return Models(served(measured, history.path.stem, source.model, _classes(source)))


def _latest(profile: str, results: Path) -> History:
    try:
        return latest(results, None, profile)
    except HistoryError as error:
        raise UsageProblem(
            f"{error} To take one: {rebuild_command.command(profile, '')}"
        ) from error


def _classes(source: Source) -> tuple[str, ...]:
    """Return the class names: of the images that scored it, or those that its data set has."""
    described = describe(source, licence=None)
    if described.metadata.labels is None:
        command = rebuild_command.command(source.history.profile, source.variant)
        raise UsageProblem(
            f"The names of the classes of {source.variant} are not known: "
            f"{described.reasons['labels']}. Measure it again, "
            f"{command}, or name them in a manifest."
        )
    return described.metadata.labels
