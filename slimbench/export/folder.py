"""An exported folder that appears whole, and replaces nothing but an earlier export of the same."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from slimbench.errors import UsageProblem
from slimbench.steps.export import SAVED_MODEL_FOLDER


def model_file(variant: str) -> str:
    """Return the name of the exported `.tflite` file."""
    return f"{variant}.tflite"


def card_file(variant: str) -> str:
    """Return the name of the card."""
    return f"{variant}.json"


@contextlib.contextmanager
def written(target: Path, variant: str) -> Iterator[Path]:
    """Give an empty folder beside `target`, which it becomes when the block ends well.

    Raises:
        UsageProblem: `target` cannot be such a folder, or holds something else.
        OSError: It cannot be written; what was there before is untouched.
    """
    target = target.resolve()
    check(target, variant)
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    try:
        yield partial
        check(target, variant)
        _replace(target, partial)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def check(target: Path, variant: str) -> None:
    """Refuse a target that is no folder, or holds anything but an export of this variant."""
    if not target.parent.is_dir():
        raise UsageProblem(f"There is no folder {target.parent}: make it, or name another.")
    if not target.exists():
        return
    if not target.is_dir():
        raise UsageProblem(f"{target} is a file: name a folder that is empty or not there yet.")
    there = {path.name for path in target.iterdir()}
    own = {card_file(variant), model_file(variant), SAVED_MODEL_FOLDER}
    if not there or (there <= own and _is_card(target / card_file(variant), variant)):
        return
    strange = ", ".join(sorted(there - own)[:3]) or "no card of an export"
    raise UsageProblem(
        f"{target} is not empty and no earlier export of {variant} alone (it holds {strange}). "
        "Name another folder, or empty it."
    )


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
    grave = target.with_name(f".{target.name}.{os.getpid()}.replaced")
    target.rename(grave)
    try:
        partial.rename(target)
    except OSError:
        grave.rename(target)
        raise
    shutil.rmtree(grave, ignore_errors=True)
