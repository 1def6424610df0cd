"""Writing the files of an export into a folder: model, SavedModel, card."""

from __future__ import annotations

import importlib.metadata
import json
import shutil
from pathlib import Path

from slimbench.atomic_write import replacing, write_text
from slimbench.build.store import Artifact
from slimbench.errors import UsageProblem
from slimbench.export.card import Exported, card
from slimbench.export.describe import Described, describe
from slimbench.export.folder import card_file, model_file
from slimbench.export.source import Source
from slimbench.spec import Unmeasured
from slimbench.steps.export import SAVED_MODEL_FOLDER
from slimbench.tflite.metadata import read_metadata, write_metadata

LICENCE_NOTE = "weights_licence"
"""The key of `notes.json` under which steps pass on the licence of weights."""


def write(folder: Path, source: Source, saved_model: Artifact | Unmeasured) -> Exported:
    """Write everything into an empty folder and return what was written.

    A file that brought metadata of its own keeps it, and is copied as it is.

    Raises:
        UsageProblem: The file cannot be given metadata.
    """
    licence: str | None = source.notes.get(LICENCE_NOTE)
    model = folder / model_file(source.variant)
    try:
        own = read_metadata(source.model)
        described = describe(source, licence) if own is None else Described(own, {})
        if own is None:
            write_metadata(source.model, model, described.metadata)
        else:
            with replacing(model) as partial:
                shutil.copyfile(source.model, partial)
    except ValueError as error:
        raise UsageProblem(str(error)) from error
    reasons = dict(described.reasons)
    if own is not None and not own.labels:
        reasons["labels"] = "the metadata that the file brought names none"
    if own is not None and own.mean is None:
        reasons["input.normalization"] = "the metadata that the file brought has none"
    if isinstance(saved_model, Unmeasured):
        reasons["saved_model"] = saved_model.reason
    else:
        shutil.copytree(saved_model.file(SAVED_MODEL_FOLDER), folder / SAVED_MODEL_FOLDER)
    exported = Exported(
        model=model,
        metadata=described.metadata,
        metadata_from="export" if own is None else "original",
        saved_model=None if isinstance(saved_model, Unmeasured) else saved_model,
        reasons=reasons,
    )
    content = card(source, exported, licence, importlib.metadata.version("slimbench"))
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
    write_text(folder / card_file(source.variant), f"{text}\n")
    return exported
