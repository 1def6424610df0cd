"""What is exported: the file in the artifact store that a saved run measured, and its images.

A history keeps only the hash of the images that it scored on. Which of the store's images have it
is found out by hashing those of the same data set and size.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from slimbench.build.store import MANIFEST, Artifact, Store
from slimbench.datasets.evaluation import Evaluation, evaluation_sha256, load_evaluation
from slimbench.errors import UsageProblem
from slimbench.history import rebuild_command
from slimbench.history.document import HistoryError
from slimbench.history.record import Entry, History, load
from slimbench.history.select import runs
from slimbench.networks import weights
from slimbench.spec import MODEL_FILE, PixelMode
from slimbench.steps.photos import EvaluationPhotos
from slimbench.suite.registry import unknown

_IN_STORE = re.compile(
    rf"objects/(?P<start>[0-9a-f]{{2}})/(?P<key>(?P=start)[0-9a-f]{{62}})/{re.escape(MODEL_FILE)}"
)


@dataclass(frozen=True, slots=True)
class Source:
    """A variant's file with what is known of it.

    `entries` are all measurements of this very file in the run, `pixels` what it was fed in them;
    `newer` are runs that measured the variant too, with a file that this store does not have.
    `classes` are the names of a user's own classes, where they were scored on and still are there.
    """

    history: History
    entries: tuple[Entry, ...]
    artifact: Artifact
    chain: Mapping[str, Any]
    notes: Mapping[str, Any]
    pixels: PixelMode
    newer: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()

    @property
    def variant(self) -> str:
        """Its name."""
        return self.entries[0].case.variant

    @property
    def model(self) -> Path:
        """The `.tflite` file in the store."""
        return self.artifact.file(MODEL_FILE)


def complete_runs(results: Path, profile: str | None) -> Iterator[History]:
    """Yield complete runs, newest first; raises HistoryError for one that cannot be read."""
    for run in runs(results, None):
        history = load(run.path)
        if history.status == "complete" and profile in (None, history.profile):
            yield history


def find_source(variant: str, histories: Iterable[History], store: Store) -> Source:
    """Return the variant as the first run measured it whose file the store still has.

    Raises:
        UsageProblem: No run has such a variant, or the store has no file of it.
        HistoryError: There is no run at all, or one cannot be read.
    """
    names: dict[str, None] = {}
    without_file: list[History] = []
    for history in histories:
        names |= dict.fromkeys(entry.case.variant for entry in history.entries)
        entries = _measured(variant, history)
        if not entries:
            continue
        artifact = _artifact(entries[0], store)
        if artifact is not None:
            return Source(
                history=history,
                entries=entries,
                artifact=artifact,
                chain=_recipe(artifact.folder),
                notes=_notes(artifact.folder),
                pixels=entries[0].pixels,
                newer=tuple(newer.path.name for newer in without_file),
                classes=_user_classes(history, entries[0], store),
            )
        without_file.append(history)
    if not names:
        raise HistoryError("There is no complete run to export from. Run the benchmarks first.")
    if variant not in names:
        raise unknown("variant", variant, names)
    if not without_file:
        raise UsageProblem(f"{variant} was never measured as a .tflite file, so there is none.")
    newest = without_file[0]
    raise UsageProblem(
        f"The store {store.root} has no file of {variant} that a run measured, such as "
        f"{_measured(variant, newest)[0].model_sha256[:12]} of {newest.path.name}. "
        f"Build and measure it again: {rebuild_command.command(newest.profile, variant)}"
    )


def scored_on(entry: Entry, store: Store) -> Evaluation | None:
    """Return the photographs that a case was scored on; None where the store lacks them."""
    if entry.eval_sha256 is None:
        return None
    for artifact in store.objects():
        if not is_photographs_of(entry, artifact):
            continue
        intact = store.find(artifact.key)
        if intact is not None:
            evaluation = load_evaluation(intact.folder)
            if evaluation_sha256(evaluation.images, evaluation.labels) == entry.eval_sha256:
                return evaluation
    return None


def is_photographs_of(entry: Entry, artifact: Artifact) -> bool:
    """Tell whether an object holds photographs of a case's data set at its model's input size."""
    recipe = _recipe(artifact.folder)
    if entry.eval_sha256 is None or recipe.get("step") != EvaluationPhotos.__name__:
        return False
    fields = recipe["fields"]
    size = tuple(fields[name] for name in ("height", "width", "channels"))
    return fields["dataset"] == entry.dataset and size == entry.input_shape[-3:]


def _measured(variant: str, history: History) -> tuple[Entry, ...]:
    """Return a variant's entries of one `.tflite` file; engines may run other forms of it."""
    entries = [
        entry
        for entry in history.entries
        if entry.case.variant == variant and entry.model_file.endswith(".tflite")
    ]
    return tuple(entry for entry in entries if entry.model_sha256 == entries[0].model_sha256)


def _artifact(entry: Entry, store: Store) -> Artifact | None:
    """Return the stored object, verified, if what is in it is what was measured."""
    match = _IN_STORE.fullmatch(entry.model_file)
    keys = [] if match is None else [match["key"]]
    keys += [artifact.key for artifact in store.with_file(entry.model_sha256)]
    for key in dict.fromkeys(keys):
        artifact = store.find(key)
        if artifact is not None and artifact.files.get(MODEL_FILE) == entry.model_sha256:
            return artifact
    return None


def _user_classes(history: History, entry: Entry, store: Store) -> tuple[str, ...]:
    """Return the class names of a user's model, as the images that it was scored on name them."""
    evaluation = (
        scored_on(entry, store) if rebuild_command.is_user_profile(history.profile) else None
    )
    return () if evaluation is None else evaluation.classes


def _recipe(folder: Path) -> Mapping[str, Any]:
    """Return the chain of steps that made an artifact."""
    recipe: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["recipe"]
    return recipe


def _notes(folder: Path) -> Mapping[str, Any]:
    """Return what earlier steps noted; a step that makes a file of its own notes nothing."""
    try:
        return weights.read_notes(folder)
    except FileNotFoundError:
        return {}
