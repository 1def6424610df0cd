"""A comparison as programs read it: JSON and CSV, with unrounded figures."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

from slimbench.compare.comparison import UNPAIRED, Cell, Comparison
from slimbench.compare.differences import differences
from slimbench.compare.significance import ALPHA
from slimbench.history.machine import cpu

COLUMNS = (
    "metric",
    "unit",
    "variant",
    "engine",
    "threads",
    "run",
    "file",
    "value",
    "reason",
    "change",
    "p",
    "verdict",
    "remark",
)
"""The heading of the CSV; one line for each measure, case and run."""


def as_json(comparison: Comparison) -> str:
    """Return one object: `runs`, what `differs` between them, `metrics`, and `note`.

    Times are in ms, sizes in bytes, shares in [0, 1]; `change` is new / old - 1 for times and
    sizes and the difference for shares, null in the first run, which the others are against.
    """
    document = {
        "alpha": ALPHA,
        "warning": comparison.warning,
        "differs": {name: list(values) for name, values in differences(comparison.runs).items()},
        "runs": [
            {
                "run": letter,
                "file": str(run.path),
                "profile": run.profile,
                "status": run.status,
                "commit": run.commit,
                "dirty": run.dirty,
                "taken": run.taken.isoformat(),
                "cpu": cpu(run.machine),
                "versions": dict(run.versions),
                "warnings": list(run.preflight.warnings),
            }
            for letter, run in zip(comparison.letters, comparison.runs, strict=True)
        ],
        "metrics": [
            {
                "metric": block.measure.key,
                "unit": block.measure.unit,
                "method": block.measure.method,
                "cases": [
                    {
                        "variant": row.case.variant,
                        "engine": row.case.engine,
                        "threads": row.case.threads,
                        "runs": [
                            {"run": letter, **_fields(cell)}
                            for letter, cell in zip(comparison.letters, row.cells, strict=True)
                        ],
                    }
                    for row in block.rows
                ],
            }
            for block in comparison.blocks
        ],
        "note": UNPAIRED,
    }
    return json.dumps(document, indent=1, allow_nan=False)


def as_csv(comparison: Comparison) -> str:
    """Return a table with a heading and nothing else; what has to be warned of is not in it."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for block in comparison.blocks:
        for row in block.rows:
            for letter, run, cell in zip(
                comparison.letters, comparison.runs, row.cells, strict=True
            ):
                writer.writerow(
                    {
                        "metric": block.measure.key,
                        "unit": block.measure.unit,
                        "variant": row.case.variant,
                        "engine": row.case.engine,
                        "threads": row.case.threads,
                        "run": letter,
                        "file": run.path.name,
                        **_fields(cell),
                    }
                )
    return text.getvalue().removesuffix("\n")


def _fields(cell: Cell) -> dict[str, Any]:
    delta = cell.delta
    return {
        "value": cell.value,
        "reason": cell.reason,
        "change": delta.change if delta else None,
        "p": delta.p if delta else None,
        "verdict": delta.verdict if delta else None,
        "remark": delta.remark if delta else "",
    }
