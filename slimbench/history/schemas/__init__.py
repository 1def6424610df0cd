"""The JSON Schemas (draft 2020-12) of the files that slimbench writes.

The copies in `results/` of the repository are there to be read and linked to.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from slimbench.errors import UsageProblem

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
