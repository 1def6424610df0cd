"""Regressions that someone accepted, for a reason and until a day: a TOML file of them.

    [[regression]]
    variant = "mobilenetv2_dynamic_wi8"
    metric = "latency_ms.p50"
    limit = 0.12
    reason = "the new kernels need a padded input"
    expires = 2025-09-30

`engine`, `threads` and `profile` may narrow it. `limit` is the largest change for the worse that
is accepted, in the metric's unit: relative, or a difference of shares.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

from slimbench.errors import UsageProblem
from slimbench.gate import accuracy, latency_comparison, static_metrics
from slimbench.gate.findings import Finding, change_in_words
from slimbench.spec import Case
from slimbench.suite.toml_file import TomlFile, read_toml, shown

FILE = "acknowledged.toml"
"""In the results folder: taken where no other file is named."""

TABLE = "regression"
HEADER = re.compile(rf"\s*\[\[\s*{TABLE}\s*\]\]")
NEEDED = ("variant", "metric", "limit", "reason", "expires")
OPTIONAL = ("engine", "threads", "profile")


class AcknowledgementError(UsageProblem):
    """A file of known regressions that cannot be used; the message begins with `file:line`."""


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """One accepted regression; `where` is its `file:line`, None fields hold for every value."""

    variant: str
    metric: str
    limit: float
    reason: str
    expires: date
    engine: str | None
    threads: int | None
    profile: str | None
    where: str

    def is_about(self, case: Case, metric: str) -> bool:
        """Tell whether it is about this metric of this case."""
        return (
            (self.variant, self.metric) == (case.variant, metric)
            and self.engine in (None, case.engine)
            and self.threads in (None, case.threads)
        )


def load_acknowledgements(path: Path, profile: str) -> tuple[Acknowledgement, ...]:
    """Read the known regressions of one profile; the whole file is checked.

    Raises:
        AcknowledgementError: naming file and line.
    """
    file = read_toml(path, AcknowledgementError)
    for name in file.tables:
        if name != TABLE:
            raise AcknowledgementError(
                f"{file.at(name)}: there is no {name!r} here. Write each as a [[{TABLE}]]."
            )
    tables = file.tables.get(TABLE, [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise AcknowledgementError(f"{file.at(TABLE)}: write each as a [[{TABLE}]].")
    starts = _starts(path)
    if len(starts) != len(tables):  # written as an inline array
        starts = [file.line(TABLE)] * len(tables)
    every = [_read(file, table, line) for table, line in zip(tables, starts, strict=True)]
    return tuple(each for each in every if each.profile in (None, profile))


def apply(
    rows: Sequence[Finding],
    acknowledged: Sequence[Acknowledgement],
    today: date,
) -> list[Finding]:
    """Turn regressions that were accepted, within their limit and in time, into `acknowledged`."""
    return [_applied(row, acknowledged, today) for row in rows]


def unused(acknowledged: Sequence[Acknowledgement], rows: Collection[Finding]) -> list[str]:
    """Say which were not needed: they are about nothing that regressed, and can be taken out."""
    red = [row for row in rows if row.verdict in ("regression", "acknowledged")]
    return [
        f"{each.where}: {each.metric} of {each.variant} is acknowledged but did not regress; "
        "take it out."
        for each in acknowledged
        if not any(each.is_about(row.case, row.metric) for row in red)
    ]


def _applied(row: Finding, acknowledged: Sequence[Acknowledgement], today: date) -> Finding:
    if row.verdict != "regression":
        return row
    about = [each for each in acknowledged if each.is_about(row.case, row.metric)]
    in_time = [each for each in about if today <= each.expires]
    for each in in_time:
        if row.change is not None and _least_harm(row) <= each.limit:
            reason = f"{row.reason}; acknowledged until {each.expires}: {each.reason}"
            return replace(row, verdict="acknowledged", reason=reason)
    if in_time:
        worse = min(row.change or 0.0, 0.0) if row.figure.better == "more" else row.change
        limit = math.copysign(in_time[0].limit, worse or 1.0)
        said = f"acknowledged to {change_in_words(row.metric, limit)} only ({in_time[0].where})"
    elif about:
        said = f"its acknowledgement ended on {about[0].expires} ({about[0].where})"
    else:
        return row
    return replace(row, reason=f"{row.reason}; {said}")


def _least_harm(row: Finding) -> float:
    """Return the smallest change for the worse that the interval allows.

    What is accepted was measured too, so a second measurement may be a little above it.
    """
    if row.change is None:
        return math.inf
    change = row.change
    if row.figure.better == "more":
        return -(change if row.interval is None else max(change, row.interval[1]))
    return change if row.interval is None else min(change, row.interval[0])


def _starts(path: Path) -> list[int]:
    """Return the lines of the headers, which TOML's parser forgets for arrays of tables."""
    lines = path.read_text(encoding="utf-8").split("\n")
    return [number for number, line in enumerate(lines, 1) if HEADER.match(line)]


def _read(file: TomlFile, table: dict[str, Any], line: int) -> Acknowledgement:
    where = f"{file.path}:{line}"

    def wrong(what: str) -> AcknowledgementError:
        return AcknowledgementError(f"{where}: {what}.")

    if missing := [key for key in NEEDED if key not in table]:
        raise wrong(f"this regression lacks {', '.join(missing)}")
    if odd := [key for key in table if key not in (*NEEDED, *OPTIONAL)]:
        raise wrong(f"there is no {odd[0]!r}. There is: {', '.join((*NEEDED, *OPTIONAL))}")
    for key in ("variant", "metric", "reason", "engine", "profile"):
        if key in table and not (isinstance(table[key], str) and table[key].strip()):
            raise wrong(f"{key} must be a text, not {shown(table[key])}")
    judged = (*latency_comparison.METRICS, *static_metrics.metrics(), accuracy.METRIC)
    if table["metric"] not in judged:
        known = ", ".join(judged)
        raise wrong(f"no metric {table['metric']!r} is judged. There is: {known}")
    limit, threads, expires = table["limit"], table.get("threads"), table["expires"]
    if isinstance(limit, bool) or not isinstance(limit, (int, float)) or not 0 <= limit < math.inf:
        raise wrong(f"limit must be a number from 0 up, 12 % written as 0.12, not {shown(limit)}")
    if threads is not None and (type(threads) is not int or threads < 1):
        raise wrong(f"threads must be a whole number from 1 up, not {shown(threads)}")
    if not isinstance(expires, date) or isinstance(expires, datetime):
        raise wrong(f"expires must be a day such as 2025-09-30, unquoted, not {shown(expires)}")
    return Acknowledgement(
        table["variant"],
        table["metric"],
        float(limit),
        " ".join(table["reason"].split()),
        expires,
        table.get("engine"),
        threads,
        table.get("profile"),
        where,
    )
