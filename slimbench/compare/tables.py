"""A comparison as people read it: grids for the terminal, Markdown for a pull request."""

from __future__ import annotations

from datetime import UTC

from tabulate import tabulate

from slimbench.compare.cells import change, figure
from slimbench.compare.comparison import UNPAIRED, Block, Cell, Comparison
from slimbench.history.machine import cpu
from slimbench.history.record import History
from slimbench.report.remarks import Footnotes, clean
from slimbench.report.words import WORDS


def terminal(comparison: Comparison) -> str:
    """Return warning, runs, one grid a measure, notes, and last that it decides nothing."""
    footnotes = Footnotes()
    lines = [comparison.warning, ""] if comparison.warning else []
    lines += [f"{letter}  {said}" for letter, said in _runs(comparison)]
    for block in comparison.blocks:
        grid = _grid(comparison, block, footnotes, "grid")
        lines += ["", block.measure.title, grid, block.measure.method]
    notes = _notes(comparison, footnotes)
    lines += ["", *notes] if notes else [""]
    return "\n".join([*lines, UNPAIRED])


def markdown(comparison: Comparison) -> str:
    """Return the same in GitHub's Markdown."""
    footnotes = Footnotes()
    parts = [f"**{_escaped(comparison.warning)}**"] if comparison.warning else []
    parts += ["\n".join(f"- **{letter}** {_escaped(said)}" for letter, said in _runs(comparison))]
    for block in comparison.blocks:
        grid = _grid(comparison, block, footnotes, "github")
        parts += [f"### {_escaped(block.measure.title)}", grid, _escaped(block.measure.method)]
    notes = _notes(comparison, footnotes)
    parts += ["\n".join(f"- {_escaped(note)}" for note in notes)] if notes else []
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
            delta = "" if cell.delta is None else change(cell.delta, block.measure.unit)
            line += [_value(cell, block, footnotes), delta]
        rows.append(line)
    align = ["left", "right", *(["right", "left"] * len(others))]
    return tabulate(rows, headers, tablefmt=style, colalign=align, disable_numparse=True)


def _value(cell: Cell, block: Block, footnotes: Footnotes) -> str:
    if cell.value is None:
        return f"{WORDS['en'].nothing} {footnotes.mark(cell.reason)}"
    return figure(cell.value, block.measure.unit)


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
    said = list(footnotes.lines())
    for letter, run in zip(comparison.letters, comparison.runs, strict=True):
        said += [f"Before run {letter}: {clean(text)}" for text in run.preflight.warnings]
    return said


def _escaped(text: str) -> str:
    """Keep recorded text and the tilde from being read as markup."""
    for character in "\\`*_[]<>|~":
        text = text.replace(character, f"\\{character}")
    return text
