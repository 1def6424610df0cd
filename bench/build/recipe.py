"""What makes two builds the same: the hash of a step, its inputs, the seed, code and versions.

Hashes are of the recipe, not of the result, so that it is known before anything is built whether
it has to be. The code that a step runs is part of its recipe: whoever changes how a model is
trained gets it trained anew, whoever changes a comment does not.
"""

from __future__ import annotations

import ast
import dataclasses
import functools
import hashlib
import importlib.metadata
import importlib.util
import json
from pathlib import Path
from typing import Any, cast

from bench.spec import Step

NOT_HASHED = {"hashed": False}
"""Metadata of a step's field that says nothing about what is made, such as how long it takes."""


def is_step(value: object) -> bool:
    """Tell whether a field's value is a step, hence an input."""
    return dataclasses.is_dataclass(value) and hasattr(value, "toolchain")


def inputs(step: Step) -> tuple[Step, ...]:
    """Return a step's input steps in the order of its fields."""
    return tuple(cast(Step, value) for _, value in _fields(step) if is_step(value))


@functools.cache
def key(step: Step, seed: int) -> str:
    """Return the hash under which a step's result is stored, 64 hexadecimal digits."""
    content = {
        **own_recipe(step),
        "inputs": [key(each, seed) for each in inputs(step)],
        "seed": seed if step.seeded else None,
        "code": {name: _code_hash(name) for name in sorted({type(step).__module__, *step.code})},
        "versions": {name: importlib.metadata.version(name) for name in sorted(step.packages)},
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def own_recipe(step: Step) -> dict[str, Any]:
    """Return a step's name and plain fields: what a person would write down of it."""
    return {
        "step": type(step).__name__,
        "fields": {name: _plain(value) for name, value in _fields(step) if not is_step(value)},
    }


def chain(step: Step) -> dict[str, Any]:
    """Return the whole recipe as nested JSON, for the history and the store's listings."""
    return {**own_recipe(step), "inputs": [chain(each) for each in inputs(step)]}


def _fields(step: Step) -> list[tuple[str, Any]]:
    return [
        (field.name, getattr(step, field.name))
        for field in dataclasses.fields(cast(Any, step))
        if field.metadata.get("hashed", True)
    ]


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    return value


@functools.cache
def _code_hash(module: str) -> str:
    """Hash a module's syntax tree without its docstrings: comments and layout do not count."""
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"The code of {module} is part of a step, but is not there.")
    tree = ast.parse(Path(spec.origin).read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [each for each in body if not _is_text(each)]  # type: ignore[attr-defined]
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest()


def _is_text(node: ast.AST) -> bool:
    """Tell whether a statement is a bare string: a docstring, or the text under a constant."""
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )
