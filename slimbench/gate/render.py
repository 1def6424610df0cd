"""The result for people and for machines: table, JSON, Markdown, JUnit."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal

from tabulate import tabulate

from slimbench.gate.findings import (
    Finding,
    Result,
    change_in_words,
    gravest_first,
    interval_in_words,
)
from slimbench.metrics import with_columns
from slimbench.number_format import rounded
from slimbench.report.notes import escape_markdown
from slimbench.spec import Unit

Format = Literal["table", "json", "markdown", "junit"]

ENDINGS: Mapping[str, Format] = {
    ".json": "json",
    ".md": "markdown",
    ".txt": "table",
    ".xml": "junit",
}
"""The format that the ending of a file's name stands for."""

UNITS: Mapping[Unit, str] = {
    "bytes": " bytes",
    "MiB": " MiB",
    "ms": " ms",
    "s": " s",
    "per_s": " per second",
    "share": " %",
}
"""What stands behind a value; those of other units stand alone."""

NOTHING = "-"

MOST_TOLD = 5
"""Sentences of one kind in Markdown, where nothing got worse; the others are among the details."""

NEVER_LEFT_OUT = ("error", "regression")

TAGS: Mapping[str, str] = {"regression": "failure", "error": "error", "inconclusive": "skipped"}
"""What a verdict is in JUnit; the others are test cases that passed."""


def table(result: Result) -> str:
    """Return the verdict, a line a case, and a sentence on whatever is not simply a pass."""
    cases = tabulate(
        _cases(result, str, str),
        headers=_headers(result),
        tablefmt="simple",
        disable_numparse=True,
    )
    sentences = [
        f"{row.verdict}: {row.case.id} {row.metric}: {_sentence(row)}" for row in _told(result)
    ]
    return "\n".join(
        [*result.runtime, result.summary(), *result.notes, "", cases, "", *sentences]
    ).rstrip()


def markdown(result: Result) -> str:
    """Return the same for a pull request: verdict first, the details folded.

    Lines are not padded: a pull request's comment holds 65,536 characters.
    """
    first = " ".join([result.summary().removeprefix(result.verdict), *result.runtime])
    parts = [f"**{result.verdict}**{_escaped(first)}"]
    if told := _bullets(_told(result)):
        parts.append("\n".join(told))
    parts.append(_grid(_headers(result), _cases(result, _name, _bold)))
    parts += [_escaped(note) for note in result.notes]
    if any(row.verdict == "regression" for row in result.rows):
        parts.append(
            "To accept a regression for a time: an entry in `results/acknowledged.toml`, with a "
            "reason and a last day. For good: `slimbench promote`, once it is merged."
        )
    details = _grid(
        ["case", "metric", "baseline", "candidate", "change", "verdict", "reason"],
        [
            [
                _name(row.case.id),
                _name(row.metric),
                _value(row, row.baseline),
                _value(row, row.candidate),
                _change(row),
                row.verdict if row.verdict == "pass" else _bold(row.verdict),
                _escaped(row.reason),
            ]
            for row in result.rows
        ],
    )
    parts.append(f"<details>\n<summary>All metrics</summary>\n\n{details}\n\n</details>")
    return "\n\n".join(parts)


def as_json(result: Result) -> str:
    """Return the JSON of the contract."""
    return json.dumps(result.document(), indent=1, allow_nan=False)


def junit(result: Result) -> str:
    """Return a test case for each row, as CI systems read them; inconclusive ones are skipped.

    A failure has its sentence as attribute and as text: some systems show the one, some the other.
    """
    tags = [TAGS.get(row.verdict) for row in result.rows]
    counts = {
        "tests": str(len(tags)),
        "failures": str(tags.count("failure")),
        "errors": str(tags.count("error")),
    }
    suites = ET.Element("testsuites", {"name": "slimbench gate", **counts})
    skipped = str(tags.count("skipped"))
    suite = ET.SubElement(
        suites,
        "testsuite",
        {"name": "slimbench gate", **counts, "skipped": skipped},
    )
    for row, tag in zip(result.rows, tags, strict=True):
        case = ET.SubElement(
            suite, "testcase", classname=_printable(row.case.id), name=_printable(row.metric)
        )
        sentence = _printable(_sentence(row))
        if tag is None:
            ET.SubElement(case, "system-out").text = f"{row.verdict}: {sentence}"
            continue
        found = ET.SubElement(case, tag, message=sentence)
        if tag != "skipped":
            found.set("type", row.verdict)
            found.text = sentence
    notes = "\n".join([*result.runtime, result.summary(), *result.notes])
    ET.SubElement(suite, "system-out").text = _printable(notes)
    ET.indent(suites)
    return ET.tostring(suites, encoding="unicode", xml_declaration=True)


RENDERERS: Mapping[Format, Callable[[Result], str]] = {
    "table": table,
    "json": as_json,
    "markdown": markdown,
    "junit": junit,
}


def _told(result: Result) -> list[Finding]:
    return gravest_first(row for row in result.rows if row.verdict != "pass")


def _bullets(rows: Iterable[Finding]) -> list[str]:
    """Return a line for each sentence; cases that share one, as when the control is off, share it.

    What was left out for length is counted, and never an error or a regression.
    """
    shared: dict[tuple[str, str, str], list[Finding]] = {}
    for row in rows:
        shared.setdefault((row.verdict, row.metric, _sentence(row)), []).append(row)
    lines: list[str] = []
    told: dict[str, int] = {}
    left_out: dict[str, int] = {}
    for (verdict, metric, sentence), about in shared.items():
        told[verdict] = told.get(verdict, 0) + 1
        if verdict not in NEVER_LEFT_OUT and told[verdict] > MOST_TOLD:
            left_out[verdict] = left_out.get(verdict, 0) + len(about)
            continue
        names = ", ".join(_name(row.case.id) for row in about)
        lines.append(f"- **{verdict}**: {names} {_escaped(f'{metric}: {sentence}')}")
    lines += [
        f"- **{verdict}**: {count} more, among the details" for verdict, count in left_out.items()
    ]
    return lines


def _sentence(row: Finding) -> str:
    """Say why so, after what it was and is where two values were compared."""
    if row.baseline is None or row.candidate is None or row.baseline == row.candidate:
        return row.reason
    before = _value(row, row.baseline).removesuffix(_unit(row))
    return f"{before} to {_value(row, row.candidate)}; {row.reason}"


def _headers(result: Result) -> list[str]:
    headers = ["verdict", "case", *(figure.column for figure in with_columns())]
    return [*headers, "others"] if any(map(_is_other, result.rows)) else headers


def _is_other(row: Finding) -> bool:
    """Tell whether it is not a pass and no column would say so."""
    return row.verdict != "pass" and not row.figure.column


def _cases(
    result: Result, name: Callable[[str], str], marked: Callable[[str], str]
) -> list[list[str]]:
    """Return a line for each case, gravest first; what did not pass is marked in its cell."""
    lines = []
    cases = result.by_case()
    for first in gravest_first(rows[0] for rows in cases.values()):
        rows = cases[first.case]
        by_metric = {row.metric: row for row in rows}
        cells = [
            _cell(by_metric[figure.key], marked) if figure.key in by_metric else NOTHING
            for figure in with_columns()
        ]
        verdict = first.verdict if first.verdict == "pass" else marked(first.verdict)
        others = ", ".join(
            f"{name(row.metric)} {_cell(row, marked)}" for row in rows if _is_other(row)
        )
        lines.append([verdict, name(first.case.id), *cells, others])
    if "others" not in _headers(result):
        lines = [line[:-1] for line in lines]
    return lines


def _cell(row: Finding, marked: Callable[[str], str]) -> str:
    if row.verdict == "pass":
        return _change(row)
    return marked(row.verdict if row.change is None else _change(row))


def _change(row: Finding) -> str:
    if row.change is None:
        return row.reason if row.reason == "same file" else NOTHING
    said = change_in_words(row.metric, row.change)
    if row.interval is None or not row.change:
        return said
    return f"{said} {interval_in_words(row.metric, row.interval)}"


def _value(row: Finding, value: float | None) -> str:
    """Write a value in its unit, to four digits or, where it was counted, in full."""
    if value is None:
        return NOTHING
    if row.figure.unit == "share":
        said = rounded(100.0 * value, 4)
    else:
        said = f"{value:,}" if isinstance(value, int) else rounded(value, 4)
    return said + _unit(row)


def _unit(row: Finding) -> str:
    return UNITS.get(row.figure.unit, "")


def _grid(headers: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    rows = [headers, ["---"] * len(headers), *lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _name(text: str) -> str:
    """Write a name as code; one that no case of ours has is only escaped."""
    return f"`{text}`" if re.fullmatch(r"[\w.+/-]+", text, re.ASCII) else _escaped(text)


def _bold(text: str) -> str:
    return f"**{text}**"


def _escaped(text: str) -> str:
    """Keep text from being read as markup, and on one line of a table."""
    return " ".join(escape_markdown(text, within_words=False).split())


def _printable(text: str) -> str:
    """Leave out what XML 1.0 cannot hold."""
    return re.sub("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "", text)
