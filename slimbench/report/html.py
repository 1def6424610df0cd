"""A run's result as one HTML file that needs no other: figures, charts, budgets and machine.

The page asks for nothing: style and script stand in it, its content security policy allows no
request, and an empty icon keeps a browser from asking for one. Recorded text is escaped.
"""

from __future__ import annotations

import base64
import hashlib
import html
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path

from slimbench.history.machine import cpu, machine_name
from slimbench.history.record import BudgetResult, Entry, History
from slimbench.number_format import apart, fixed
from slimbench.report import numbers
from slimbench.report.charts import svgs
from slimbench.report.inline_svg import inline
from slimbench.report.notes import (
    Footnotes,
    caption,
    clean,
    context,
    settings,
    status,
    unreadable,
)
from slimbench.report.serving import ServingTable, serving_tables
from slimbench.report.table import Column, columns, in_order
from slimbench.report.words import WORDS, Lang
from slimbench.spec import Figure

STYLE = Path(__file__).with_name("page.css")
SCRIPT = Path(__file__).with_name("page.js")

VERDICTS = ("fail", "not_judged", "pass")
"""In the order in which budgets are shown."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A table cell: its text, the exact number it is sorted by, and the class of its looks."""

    text: str
    value: float | None = None
    looks: str = ""


@dataclass(frozen=True, slots=True)
class Heading:
    """A column's heading, and whether numbers stand below it."""

    text: str
    is_number: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """A row, whose first cell names it, and the class of its looks."""

    cells: Sequence[Cell]
    looks: str = ""


def page(history: History, lang: Lang, more: Sequence[Figure] = ()) -> str:
    """Return the whole page; the same history gives the same text.

    `more` are figures that get a column beside the usual ones.
    """
    words = WORDS[lang]
    title = _text(words.page_title.format(profile=history.profile))
    style, script = (path.read_text(encoding="utf-8").strip() for path in (STYLE, SCRIPT))
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    parts = [
        _head(history, title, lang),
        _warnings(history, lang),
        _figures(history, lang, more),
        *(_servers(*numbered) for numbered in enumerate(serving_tables(history, lang))),
        _charts(history, lang),
        _budgets(history, lang),
        _missing(history, lang),
        _machine(history, lang),
    ]
    lines = [
        "<!DOCTYPE html>",
        f'<html lang="{lang}">',
        "<head>",
        '<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<link rel="icon" href="data:,">',
        f"<title>{title}</title>",
        f"<style>\n{style}\n</style>",
        "</head>",
        "<body>",
        "<main>",
        *filter(None, parts),
        "</main>",
        f"<script>{script}</script>",
        "</body>",
        "</html>",
    ]
    return _lines(lines)


def _head(history: History, title: str, lang: Lang) -> str:
    words = WORDS[lang]
    commit = words.page_dirty.format(commit=history.commit) if history.dirty else history.commit
    facts = {
        words.taken: f"{history.taken.astimezone(UTC):%Y-%m-%d %H:%M} UTC",
        words.commit: _text(commit),
        words.status: _text(status(history, lang)),
        words.file: _text(clean(history.path.name)),
    }
    if history.budgets:
        verdicts = Counter(result.verdict for result in history.budgets)
        counts = words.budget_counts.format(
            exceeded=verdicts["fail"], unjudged=verdicts["not_judged"], kept=verdicts["pass"]
        )
        looks = "fail" if verdicts["fail"] else "pass"
        facts[words.page_budgets] = f'<a class="{looks}" href="#budgets">{_text(counts)}</a>'
    return f"<header>\n<h1>{title}</h1>\n{_facts(facts)}\n</header>"


def _warnings(history: History, lang: Lang) -> str:
    warnings = history.preflight.warnings
    return _listed("warning", WORDS[lang].warnings, warnings) if warnings else ""


def _figures(history: History, lang: Lang, more: Sequence[Figure]) -> str:
    words, footnotes = WORDS[lang], Footnotes()
    shown = columns(history, footnotes, lang, more)
    rows = [
        Row(
            [Cell(column.cell(entry), _exact(column, entry)) for column in shown],
            "reference" if entry.is_reference else "",
        )
        for entry in in_order(history)
    ]
    headings = [Heading(column.heading, column.value is not None) for column in shown]
    parts = [
        f"<h2>{_text(words.page_figures)}</h2>",
        _table("figures", _sentence(context(history, lang)), headings, rows),
        f'<p class="note sorting" hidden>{_text(words.page_sorting)}</p>',
    ]
    if footnotes.reasons:
        parts.append(_listed("note", words.notes, footnotes.lines()))
    if history.unreadable:
        parts.append(_listed("note", words.unreadable, unreadable(history, lang)))
    text = caption(history, lang)
    if text:
        parts.append(f'<p class="note">{_text(text)}</p>')
    return _section(parts)


def _exact(column: Column, entry: Entry) -> float | None:
    return None if column.value is None else column.value(entry)


def _servers(number: int, shown: ServingTable) -> str:
    headings = [Heading(text, place > 0) for place, text in enumerate(shown.headings)]
    rows = [Row([Cell(text) for text in row]) for row in shown.rows]
    grid = _table(f"servers-{number}", _sentence(shown.title), headings, rows, looks="")
    # In a terminal, a command stands between backticks.
    notes = [f'<p class="note">{_text(text).replace("`", "")}</p>' for text in shown.notes]
    return _section([grid, *notes])


def _charts(history: History, lang: Lang) -> str:
    words = WORDS[lang]
    labels = {
        "times": words.chart_times,
        "sizes": words.chart_sizes,
        "pareto": words.chart_pareto.format(setting=settings(history, lang)),
    }
    drawn = [
        f'<figure class="scroll" tabindex="0">{inline(svg, name, labels[name])}</figure>'
        for name, svg in svgs(history, lang).items()
    ]
    return _section([f"<h2>{_text(words.page_charts)}</h2>", *drawn]) if drawn else ""


def _budgets(history: History, lang: Lang) -> str:
    words = WORDS[lang]
    verdicts = {"fail": words.exceeded, "not_judged": words.unjudged, "pass": words.kept}
    rows = [
        Row(
            [
                Cell(result.case.id),
                Cell(result.budget),
                Cell(_reached(result, lang), result.value),
                Cell(numbers.localised(fixed(result.limit), lang), result.limit),
                Cell(verdicts[result.verdict], looks=result.verdict),
            ],
            result.verdict,
        )
        for result in sorted(history.budgets, key=lambda result: VERDICTS.index(result.verdict))
    ]
    headings = [
        Heading(words.case),
        Heading(words.budget),
        Heading(words.value, is_number=True),
        Heading(words.limit, is_number=True),
        Heading(words.verdict),
    ]
    title = f"<h2>{_text(words.page_budgets)}</h2>"
    return _section([_table("budgets", title, headings, rows)]) if rows else ""


def _reached(result: BudgetResult, lang: Lang) -> str:
    if result.value is None:
        return WORDS[lang].nothing
    return numbers.localised(apart(result.value, result.limit), lang)


def _missing(history: History, lang: Lang) -> str:
    words = WORDS[lang]
    rows = [
        Row([Cell(missing.variant), Cell(clean(missing.reason))]) for missing in history.missing
    ]
    title = f"<h2>{_text(words.page_missing)}</h2>"
    headings = [Heading(words.variant), Heading(words.reason)]
    return _section([_table("missing", title, headings, rows)]) if rows else ""


def _machine(history: History, lang: Lang) -> str:
    words, before = WORDS[lang], history.preflight
    load, steal = before.load_1m, before.steal_percent
    machine = {
        words.machine: machine_name(history.machine),
        words.processor: cpu(history.machine),
        words.instructions: ", ".join(before.cpu_flags or ()),
        words.governor: before.governor or "",
        words.load: "" if load is None else numbers.significant(load, lang),
        words.steal: "" if steal is None else f"{numbers.significant(steal, lang)} %",
    }
    lists = [
        {clean(name): _text(clean(fact)) for name, fact in facts.items() if fact}
        for facts in (machine, history.versions)
    ]
    return _section([f"<h2>{_text(words.page_machine)}</h2>", *map(_facts, filter(None, lists))])


def _table(
    name: str, title: str, headings: Sequence[Heading], rows: Iterable[Row], looks: str = "sortable"
) -> str:
    """Write a table that scrolls by itself; `title` is HTML, all else is text."""
    head = "".join(
        f'<th scope="col"{_looks("number" if heading.is_number else "")}>{_text(heading.text)}</th>'
        for heading in headings
    )
    body = [
        f"<tr{_looks(row.looks)}>"
        f'<th scope="row">{_name(row.cells[0].text)}</th>'
        f"{''.join(map(_cell, headings[1:], row.cells[1:]))}</tr>"
        for row in rows
    ]
    return (
        f'<div class="scroll" role="region" aria-labelledby="{name}" tabindex="0">\n'
        f'<table{_looks(looks)}>\n<caption id="{name}">{title}</caption>\n'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{_lines(body)}\n</tbody>\n</table>\n</div>"
    )


def _cell(heading: Heading, cell: Cell) -> str:
    looks = _looks(" ".join(filter(None, ["number" if heading.is_number else "", cell.looks])))
    value = "" if cell.value is None else f' data-value="{cell.value!r}"'
    text = _text(cell.text) if heading.is_number else _name(cell.text)
    return f"<td{looks}{value}>{text}</td>"


def _listed(looks: str, title: str, lines: Iterable[str]) -> str:
    items = _lines(f"<li>{_text(clean(line))}</li>" for line in lines)
    return f"<div{_looks(looks)}>\n<p>{_text(title)}</p>\n<ul>\n{items}\n</ul>\n</div>"


def _facts(facts: Mapping[str, str]) -> str:
    """Write names with what is to be said of them, which is HTML."""
    items = _lines(f"<dt>{_text(name)}</dt><dd>{fact}</dd>" for name, fact in facts.items())
    return f"<dl>\n{items}\n</dl>"


def _section(parts: Iterable[str]) -> str:
    return f"<section>\n{_lines(parts)}\n</section>"


def _looks(names: str) -> str:
    return f' class="{names}"' if names else ""


def _sentence(text: str) -> str:
    return f"<span>{_text(text)}</span>"


def _name(text: str) -> str:
    """Escape a name, and let a narrow screen break it behind an underscore."""
    return _text(text).replace("_", "_<wbr>")


def _lines(parts: Iterable[str]) -> str:
    return "\n".join(parts)


def _text(text: str) -> str:
    return html.escape(text)
