"""The key of a step's result: a hash of its name, version, fields, inputs, seed and versions.

Keys are hashes of the recipe, not of the result, so that it is known before anything is built
whether it has to be. Neither code nor a module's path counts: a step may be rewritten, renamed
inside and moved, and what it produces is found as before. A change of what it *produces* is told by
its `version`; a test that compares small results with kept ones finds who forgot.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
from typing import Any

from slimbench.spec import Step


@functools.cache
def key(step: Step, seed: int) -> str:
    """Return the hash under which a step's result is stored, 64 hexadecimal digits."""
    content = {
        **recipe_of(step),
        "version": step.version,
        "inputs": [key(source, seed) for source in step.inputs],
        "seed": seed if step.seeded else None,
        "versions": step.versions(),
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def recipe_of(step: Step) -> dict[str, Any]:
    """Return a step's name and plain fields: what a person would write down of it."""
    fields = {
        field.name: getattr(step, field.name)
        for field in dataclasses.fields(step)
        if field.metadata.get("hashed", True)
    }
    return {
        "step": type(step).__name__,
        "fields": {
            name: _plain(value) for name, value in fields.items() if not isinstance(value, Step)
        },
    }


def chain(step: Step) -> dict[str, Any]:
    """Return the whole recipe as nested JSON, for the history and the store's listings."""
    return {**recipe_of(step), "inputs": [chain(source) for source in step.inputs]}


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    return value
