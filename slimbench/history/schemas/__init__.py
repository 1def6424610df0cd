"""The JSON Schemas (draft 2020-12) of the files that slimbench writes.

The copies in `results/` of the repository are there to be read and linked to.

Documents are validated by jsonschema-rs, which takes a hundredth of jsonschema's time; jsonschema
is loaded only to say what is wrong with a document that jsonschema-rs rejected.
"""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema_rs

from slimbench.errors import UsageProblem

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

HISTORY, BASELINE, CARD = "history", "baseline", "card"

FILES = {
    HISTORY: "schema.json",
    BASELINE: "baseline-schema.json",
    CARD: "card-schema.json",
}
"""Name of each schema, and its file; the others refer to the history's by that."""


def schema_file(name: str) -> Path:
    """Return the path of a schema."""
    return Path(__file__).with_name(FILES[name])


def schema(name: str) -> dict[str, Any]:
    """Return a schema as parsed JSON.

    Raises:
        UsageProblem: Its file is gone or damaged.
    """
    path = schema_file(name)
    try:
        parsed: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageProblem(
            f"The schema {path} cannot be read: {error}. Install slimbench again."
        ) from error
    return parsed


def first_fault(name: str, document: Any) -> str | None:
    """Return the most telling violation of a schema, as a sentence; None if the document is valid.

    Raises:
        UsageProblem: The schema's file is gone or damaged.
    """
    try:
        if _validator(name).is_valid(document):
            return None
    except ValueError:  # a number of numpy, which only jsonschema takes for one
        pass
    fault = _best_fault(name, document)
    return None if fault is None else _sentence(fault)


@functools.cache
def _validator(name: str) -> jsonschema_rs.Draft202012Validator:
    registry = jsonschema_rs.Registry([(FILES[HISTORY], schema(HISTORY))])
    return jsonschema_rs.Draft202012Validator(schema(name), registry=registry)


def _best_fault(name: str, document: Any) -> ValidationError | None:
    from jsonschema import Draft202012Validator  # noqa: PLC0415 - it takes a tenth of a second
    from jsonschema.exceptions import best_match  # noqa: PLC0415
    from referencing import Registry, Resource  # noqa: PLC0415

    history: Resource[Any] = Resource.from_contents(schema(HISTORY))
    registry: Registry[Any] = Registry().with_resource(FILES[HISTORY], history)
    validator = Draft202012Validator(schema(name), registry=registry)
    fault: ValidationError | None = best_match(validator.iter_errors(document))
    return fault


def _sentence(fault: ValidationError) -> str:
    message = fault.message
    if len(message) > 200:
        message = f"{message[:90]} ... {message[-100:]}"
    return f"at {fault.json_path}: {message}."
