"""The exported folder: model, SavedModel and card, written whole or not at all.

It replaces nothing but an earlier export of the same variant.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from slimbench.atomic_write import replacing, write_text
from slimbench.build.store import Artifact
from slimbench.errors import UsageProblem
from slimbench.export.description import Described, Exported, card, describe
from slimbench.export.source import Source
from slimbench.spec import Unmeasured
from slimbench.steps.export import SAVED_MODEL_FOLDER
from slimbench.tflite.metadata import read_metadata, write_metadata

LICENCE_NOTE = "weights_licence"
"""The key of `notes.json` under which steps pass on the licence of weights."""


def model_file(variant: str) -> str:
    """Return the name of the exported `.tflite` file."""
    return f"{variant}.tflite"


def card_file(variant: str) -> str:
    """Return the name of the card."""
    return f"{variant}.json"


@contextlib.contextmanager
def atomic_folder(target: Path, variant: str) -> Iterator[Path]:
    """Yield an empty folder beside `target` that replaces it when the block succeeds.

    Raises:
        UsageProblem: `target` cannot be such a folder, or holds something else.
        OSError: It cannot be written; what was there before is untouched.
    """
    target = target.resolve()
    check_target(target, variant)
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    try:
        yield partial
        check_target(target, variant)
        _replace(target, partial)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def check_target(target: Path, variant: str) -> None:
    """Refuse a target that is no folder, or holds anything but an export of this variant."""
    if not target.parent.is_dir():
        raise UsageProblem(f"There is no folder {target.parent}: make it, or name another.")
    if not target.exists():
        return
    if not target.is_dir():
        raise UsageProblem(f"{target} is a file: name a folder that is empty or not there yet.")
    names = {path.name for path in target.iterdir()}
    exported = {card_file(variant), model_file(variant), SAVED_MODEL_FOLDER}
    if not names or (names <= exported and _is_card(target / card_file(variant), variant)):
        return
    unexpected = ", ".join(sorted(names - exported)[:3]) or "no card of an export"
    raise UsageProblem(
        f"{target} is not empty and no earlier export of {variant} alone (it holds {unexpected}). "
        "Name another folder, or empty it."
    )


def write_files(folder: Path, source: Source, saved_model: Artifact | Unmeasured) -> Exported:
    """Write everything into an empty folder and return what was written.

    A file that brought metadata of its own keeps it, and is copied as it is.

    Raises:
        UsageProblem: The file cannot be given metadata.
    """
    licence: str | None = source.notes.get(LICENCE_NOTE)
    model = folder / model_file(source.variant)
    try:
        original = read_metadata(source.model)
        described = describe(source, licence) if original is None else Described(original, {})
        if original is None:
            write_metadata(source.model, model, described.metadata)
        else:
            with replacing(model) as partial:
                shutil.copyfile(source.model, partial)
    except ValueError as error:
        raise UsageProblem(str(error)) from error
    reasons = dict(described.reasons)
    if original is not None and not original.labels:
        reasons["labels"] = "the metadata that the file brought names none"
    if original is not None and original.mean is None:
        reasons["input.normalization"] = "the metadata that the file brought has none"
    if isinstance(saved_model, Unmeasured):
        reasons["saved_model"] = saved_model.reason
    else:
        shutil.copytree(saved_model.file(SAVED_MODEL_FOLDER), folder / SAVED_MODEL_FOLDER)
    exported = Exported(
        model=model,
        metadata=described.metadata,
        metadata_from="export" if original is None else "original",
        saved_model=None if isinstance(saved_model, Unmeasured) else saved_model,
        reasons=reasons,
    )
    content = card(source, exported, licence, importlib.metadata.version("slimbench"))
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
    write_text(folder / card_file(source.variant), f"{text}\n")
    return exported


def _is_card(path: Path, variant: str) -> bool:
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(card, dict) and "card" in card and card.get("variant") == variant


def _replace(target: Path, partial: Path) -> None:
    if not target.exists():
        partial.rename(target)
        return
    replaced = target.with_name(f".{target.name}.{os.getpid()}.replaced")
    target.rename(replaced)
    try:
        partial.rename(target)
    except OSError:
        replaced.rename(target)
        raise
    shutil.rmtree(replaced, ignore_errors=True)
