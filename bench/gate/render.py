"""The result for people and for machines: table, JSON, Markdown, JUnit."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping
from typing import Literal

from tabulate import tabulate

from bench.gate.question import JUDGED
from bench.gate.row import SHARES, Row, change_in_words, interval_in_words
from bench.gate.verdict import Result, gravest_first
from bench.plain_numbers import significant

Format = Literal["table", "json", "markdown", "junit"]

COLUMNS: Mapping[str, str] = {
    JUDGED: "latency",
    "size_bytes": "size",
    "size_gzip_bytes": "gzip",
    "accuracy_top1": "accuracy",
}
"""Metrics that have a column in the table of cases; the others are among the details."""

NOTHING = "-"


def table(result: Result) -> str:
    """Return the verdict, a line a case, and a sentence on whatever is not simply a pass."""
    told = [row for row in result.rows if row.verdict != "pass"]
    sentences = [
        f"{row.verdict}: {row.case.id} {row.metric}: {row.reason}" for row in gravest_first(told)
    ]
    return "\n".join(
        [
            *result.runtime,
            result.summary(),
            *result.notes,
            "",
            _cases(result, "simple", str),
            "",
            *sentences,
        ]
    ).rstrip()


def markdown(result: Result) -> str:
    """Return the same for a pull request: verdict first, the details folded."""
    told = [row for row in result.rows if row.verdict != "pass"]
    details = tabulate(
        [
            [
                _escaped(row.case.id),
                _escaped(row.metric),
                _value(row, row.baseline),
                _value(row, row.candidate),
                _change(row),
                row.verdict,
                _escaped(row.reason),
            ]
            for row in result.rows
        ],
        headers=["case", "metric", "baseline", "candidate", "change", "verdict", "reason"],
        tablefmt="github",
        disable_numparse=True,
    )
    first = " ".join([result.summary().removeprefix(result.verdict), *result.runtime])
    parts = [f"**{result.verdict}**{_escaped(first)}"]
    parts += [_escaped(note) for note in result.notes]
    if told:
        parts.append(
            "\n".join(
                f"- **{row.verdict}**: {_escaped(f'{row.case.id} {row.metric}: {row.reason}')}"
                for row in gravest_first(told)
            )
        )
    parts.append(_cases(result, "github", _escaped))
    parts.append(f"<details>\n<summary>All metrics</summary>\n\n{details}\n\n</details>")
    return "\n\n".join(parts)


def as_json(result: Result) -> str:
    """Return the JSON of the contract."""
    return json.dumps(result.document(), indent=1, allow_nan=False)


def junit(result: Result) -> str:
    """Return a test case for each row, as CI systems read them; inconclusive ones are skipped."""
    tags = {"regression": "failure", "error": "error", "inconclusive": "skipped"}
    suites = ET.Element("testsuites")
    counts = {
        name: str(sum(tags.get(row.verdict) == tag for row in result.rows))
        for name, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped"))
    }
    suite = ET.SubElement(
        suites,
        "testsuite",
        {"name": "slimbench gate", "tests": str(len(result.rows)), **counts},
    )
    for row in result.rows:
        case = ET.SubElement(suite, "testcase", classname=_printable(row.case.id), name=row.metric)
        reason = _printable(row.reason)
        if row.verdict in tags:
            ET.SubElement(case, tags[row.verdict], message=reason)
        else:
            ET.SubElement(case, "system-out").text = f"{row.verdict}: {reason}"
    if notes := [*result.runtime, *result.notes]:
        ET.SubElement(suite, "system-out").text = _printable("\n".join(notes))
    ET.indent(suites)
    return ET.tostring(suites, encoding="unicode", xml_declaration=True)


RENDERERS: Mapping[Format, Callable[[Result], str]] = {
    "table": table,
    "json": as_json,
    "markdown": markdown,
    "junit": junit,
}


def _cases(result: Result, style: str, text: Callable[[str], str]) -> str:
    lines = []
    for case, rows in result.by_case().items():
        by_metric = {row.metric: row for row in rows}
        cells = [
            _change(by_metric[metric]) if metric in by_metric else NOTHING for metric in COLUMNS
        ]
        lines.append([rows[0].verdict, text(case.id), *cells])
    return tabulate(
        lines,
        headers=["verdict", "case", *COLUMNS.values()],
        tablefmt=style,
        disable_numparse=True,
    )


def _change(row: Row) -> str:
    if row.change is None:
        return row.reason if row.reason == "same file" else NOTHING
    said = change_in_words(row.metric, row.change)
    if row.interval is None or not row.change:
        return said
    return f"{said} {interval_in_words(row.metric, row.interval)}"


def _value(row: Row, value: float | None) -> str:
    if value is None:
        return NOTHING
    if row.metric in SHARES:
        return f"{significant(100.0 * value, 4)} %"
    return significant(value, 4)


def _escaped(text: str) -> str:
    """Keep text from being read as markup, and on one line of a table."""
    for character in "\\`*_[]<>|#":
        text = text.replace(character, f"\\{character}")
    return " ".join(text.split())


def _printable(text: str) -> str:
    """Leave out what XML 1.0 cannot hold."""
    return re.sub("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "", text)
