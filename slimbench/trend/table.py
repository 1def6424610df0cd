"""Trends as people read them: grids for the terminal, Markdown for a pull request."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC

from tabulate import tabulate

from slimbench.report.notes import Footnotes
from slimbench.report.words import WORDS as REPORT
from slimbench.report.words import Lang
from slimbench.trend import words
from slimbench.trend.sentences import changed, heading, method, named, summary
from slimbench.trend.trends import Marked, Trend
from slimbench.trend.words import WORDS

NEWEST = 15
"""Runs of each partition that are shown where nobody says how many."""

EARLIER_CHANGES = 20
"""Earlier runs that are shown besides, since the level changed there."""


def terminal(
    trends: Sequence[Trend], variant: str, metric: str, last: int | None, lang: Lang
) -> str:
    """Return a grid for each partition, notes, and last that it decides nothing."""
    footnotes = Footnotes()
    parts = [heading(trends, variant, metric, lang)]
    for trend in trends:
        grid = _grid(trend, last, footnotes, "simple", lang)
        parts += ["", named(trend.partition, lang), summary(trend, lang), grid]
    return "\n".join([*parts, "", *footnotes.lines(), *_notes(trends, last, lang)])


def markdown(
    trends: Sequence[Trend], variant: str, metric: str, last: int | None, lang: Lang
) -> str:
    """Return the same in GitHub's Markdown."""
    footnotes = Footnotes()
    parts = [f"### {_escaped(heading(trends, variant, metric, lang))}"]
    for trend in trends:
        grid = _grid(trend, last, footnotes, "github", lang)
        parts += [f"**{_escaped(named(trend.partition, lang))}**"]
        parts += [_escaped(summary(trend, lang)), grid]
    notes = [*footnotes.lines(), *_notes(trends, last, lang)]
    return "\n\n".join([*parts, *(_escaped(note) for note in notes)])


def shown(trend: Trend, last: int | None) -> list[int]:
    """Return the indices of the runs that a table has: the newest, and where levels changed."""
    count = len(trend.runs)
    newest = range(max(0, count - (NEWEST if last is None else last)), count)
    if last is not None:
        return list(newest)
    earlier = [i for i, run in enumerate(trend.runs[: newest.start]) if run.is_change]
    return [*earlier[-EARLIER_CHANGES:], *newest]


def _grid(trend: Trend, last: int | None, footnotes: Footnotes, style: str, lang: Lang) -> str:
    said = WORDS[lang]
    rows = []
    at = 0
    for i in shown(trend, last):
        if i > at:
            left_out = said.left_out.format(runs=words.runs(i - at, lang))
            rows.append(["...", "", "", "", "", left_out])
        at = i + 1
        rows.append(list(_cells(trend, trend.runs[i], footnotes, lang)))
    return tabulate(
        rows,
        [said.run, said.date, said.commit, said.value, said.change, ""],
        tablefmt=style,
        colalign=["right", "left", "left", "right", "right", "left"],
        disable_numparse=True,
    )


def _cells(trend: Trend, run: Marked, footnotes: Footnotes, lang: Lang) -> Iterator[str]:
    said, point, quantity = WORDS[lang], run.point, trend.quantity
    yield str(point.number)
    yield f"{point.taken.astimezone(UTC):%Y-%m-%d %H:%M}"
    yield point.commit[:12]
    nothing = REPORT[lang].nothing
    if point.value is None:
        yield f"{nothing} {footnotes.mark(point.reason)}" if point.reason else nothing
    else:
        yield quantity.write(point.value, lang)
    if point.value is None or run.before is None:
        yield ""
    else:
        yield quantity.write_change(run.before, point.value, lang)
    remarks = [f"<- {changed(trend, run, lang)}"] if run.is_change else []
    remarks += [said.partial] if point.status == "partial" else []
    remarks += [said.dirty] if point.dirty else []
    yield ", ".join(remarks)


def _notes(trends: Sequence[Trend], last: int | None, lang: Lang) -> list[str]:
    said = WORDS[lang]
    is_cut = any(len(shown(trend, last)) < len(trend.runs) for trend in trends)
    return [
        *([said.apart] if len(trends) > 1 else []),
        *([said.more] if is_cut else []),
        method(trends[0].quantity, lang),
        said.unpaired,
    ]


def _escaped(text: str) -> str:
    """Keep recorded text from being read as markup."""
    for character in "\\`*_[]<>|~":
        text = text.replace(character, f"\\{character}")
    return text
