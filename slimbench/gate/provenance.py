"""Whether a model was made by the same recipe as the baseline's, only elsewhere or later.

Training is not the same to the last bit on another machine or with other versions, so such a
model scores a little differently though nobody changed anything; who reads a verdict on it has
to know.
"""

from __future__ import annotations

import json
from pathlib import Path, PurePosixPath
from typing import Any

from slimbench.build.store import MANIFEST
from slimbench.gate.cases import Pair
from slimbench.history.record import History


def retrained(pair: Pair, baseline: History, candidate: History, store: Path) -> str:
    """Say that a model was retrained from the same chain, or nothing where that is not known.

    The name of an object in the store is the hash of its recipe, code and versions; its manifest
    has the recipe alone, which says the same only if code and seed were the same too.
    """
    if pair.same_file or baseline.seed != candidate.seed:
        return ""
    if _key(pair.baseline.model_file) == _key(pair.candidate.model_file):
        return "retrained: the same chain, built on another machine or once more"
    recipes = [_recipe(store, side.model_file) for side in (pair.baseline, pair.candidate)]
    same_code = baseline.commit == candidate.commit and not (baseline.dirty or candidate.dirty)
    if same_code and recipes[0] is not None and recipes[0] == recipes[1]:
        changed = _changed(baseline, candidate)
        return f"retrained: the same chain with other versions ({changed})" if changed else ""
    return ""


def _key(model_file: str) -> str:
    """Return the folder that a model is in, which is named after its object's hash."""
    return str(PurePosixPath(model_file).parent)


def _recipe(store: Path, model_file: str) -> Any | None:
    """Return the recipe of a stored model; None where it is not in this store."""
    manifest = (store / model_file).parent / MANIFEST
    if not manifest.resolve().is_relative_to(store.resolve()):
        return None
    try:
        return json.loads(manifest.read_text(encoding="utf-8"))["recipe"]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _changed(baseline: History, candidate: History) -> str:
    """List the versions that differ."""
    names = sorted({*baseline.versions, *candidate.versions})
    pairs = {name: (baseline.versions.get(name), candidate.versions.get(name)) for name in names}
    return ", ".join(
        f"{name} {before or 'none'} to {after or 'none'}"
        for name, (before, after) in pairs.items()
        if before != after
    )
