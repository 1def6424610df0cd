"""A comparison as text: grids for the terminal, Markdown, JSON and CSV."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC
from typing import Any

from tabulate import tabulate

from slimbench.compare.comparison import UNPAIRED, Block, Cell, Comparison, differences
from slimbench.compare.measures import ALPHA, Delta
from slimbench.history.machine import cpu
from slimbench.history.record import History
from slimbench.report import numbers
from slimbench.report.notes import Footnotes, clean, escape_markdown
from slimbench.report.quantity import write
from slimbench.report.words import WORDS
from slimbench.spec import Unit


def terminal(comparison: Comparison) -> str:
    """Return warning, runs, one grid a measure, notes, and last that it decides nothing."""
    footnotes = Footnotes()
    lines = [comparison.warning, ""] if comparison.warning else []
    lines += [f"{letter}  {text}" for letter, text in _runs(comparison)]
    for block in comparison.blocks:
        grid = _grid(comparison, block, footnotes, "grid")
        lines += ["", block.measure.title, grid, block.measure.method]
    notes = _notes(comparison, footnotes)
    lines += ["", *notes] if notes else [""]
    return "\n".join([*lines, UNPAIRED])


def markdown(comparison: Comparison) -> str:
    """Return the same in GitHub's Markdown."""
    footnotes = Footnotes()
    parts = [f"**{escape_markdown(comparison.warning)}**"] if comparison.warning else []
    runs = (f"- **{letter}** {escape_markdown(text)}" for letter, text in _runs(comparison))
    parts.append("\n".join(runs))
    for block in comparison.blocks:
        title, method = map(escape_markdown, (block.measure.title, block.measure.method))
        parts += [f"### {title}", _grid(comparison, block, footnotes, "github"), method]
    notes = _notes(comparison, footnotes)
    parts += ["\n".join(f"- {escape_markdown(note)}" for note in notes)] if notes else []
    return "\n\n".join([*parts, UNPAIRED])


def _grid(comparison: Comparison, block: Block, footnotes: Footnotes, style: str) -> str:
    first, *others = comparison.letters
    headers = ["Case", first]
    for letter in others:
        headers += [letter, f"{letter} against {first}"]
    rows = []
    for row in block.rows:
        line = [row.case.id, _value(row.cells[0], block, footnotes)]
        for cell in row.cells[1:]:
            delta = "" if cell.delta is None else _change(cell.delta, block.measure.figure.unit)
            line += [_value(cell, block, footnotes), delta]
        rows.append(line)
    align = ["left", "right", *(["right", "left"] * len(others))]
    return tabulate(rows, headers, tablefmt=style, colalign=align, disable_numparse=True)


def _value(cell: Cell, block: Block, footnotes: Footnotes) -> str:
    if cell.value is None:
        return f"{WORDS['en'].nothing} {footnotes.mark(cell.reason)}"
    return write(cell.value, block.measure.figure.unit, "en")


def _runs(comparison: Comparison) -> list[tuple[str, str]]:
    return [
        (letter, _run(run)) for letter, run in zip(comparison.letters, comparison.runs, strict=True)
    ]


def _run(run: History) -> str:
    commit = f"commit {clean(run.commit)[:12]}{' with changes' if run.dirty else ''}"
    parts = [f"profile {run.profile}", commit, f"{run.taken.astimezone(UTC):%Y-%m-%d %H:%M} UTC"]
    parts += [clean(cpu(run.machine)), *([] if run.status == "complete" else [run.status])]
    return f"{clean(run.path.name)}: {', '.join(parts)}"


def _notes(comparison: Comparison, footnotes: Footnotes) -> list[str]:
    notes = list(footnotes.lines())
    for letter, run in zip(comparison.letters, comparison.runs, strict=True):
        notes += [f"Before run {letter}: {clean(text)}" for text in run.preflight.warnings]
    return notes


def _change(delta: Delta, unit: Unit) -> str:
    """Write a change: `~` if it is not significant, `=` if an exact figure has not changed."""
    if delta.verdict == "not_comparable" or delta.change is None:
        return f"not comparable: {delta.remark}"
    exact = delta.p is None
    remarks = [] if delta.p is None else [_p(delta.p)]
    remarks += [delta.remark] if delta.remark else []
    if delta.verdict == "no_difference":
        head = "=" if exact else "~"
    else:
        percent = numbers.significant(100 * abs(delta.change), "en")
        sign = "+" if delta.change > 0 else "-" if delta.change < 0 else ""
        head = f"{sign}{percent} {'points' if unit == 'share' else '%'}"
    return f"{head} ({', '.join(remarks)})" if remarks else head


def _p(p: float) -> str:
    return "p<0.001" if p < 0.001 else f"p={p:.3f}"


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
                "metric": block.measure.figure.key,
                "unit": block.measure.figure.unit,
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
                        "metric": block.measure.figure.key,
                        "unit": block.measure.figure.unit,
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
