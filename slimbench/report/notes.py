"""The notes beside a run's figures: broken budgets, missing values, what the profile can show."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from slimbench.history.record import BudgetResult, History
from slimbench.number_format import apart, fixed
from slimbench.report import numbers
from slimbench.report.words import WORDS, Lang


@dataclass(frozen=True, slots=True)
class Note:
    """A sentence, or a heading with the lines that belong below it."""

    text: str
    lines: tuple[str, ...] = ()


@dataclass(slots=True)
class Footnotes:
    """Numbers the reasons for missing values; equal reasons share a number."""

    reasons: list[str] = field(default_factory=list)

    def mark(self, reason: str) -> str:
        """Return the mark that stands for `reason`, such as `[1]`."""
        if reason not in self.reasons:
            self.reasons.append(reason)
        return f"[{self.reasons.index(reason) + 1}]"

    def lines(self) -> tuple[str, ...]:
        """Return the marks with their reasons."""
        return tuple(f"{self.mark(reason)} {clean(reason)}" for reason in self.reasons)


def context(history: History, lang: Lang) -> str:
    """Write a sentence with the profile, engines, threads and the number of images scored."""
    words = WORDS[lang]
    counts = sorted({entry.accuracy_n for entry in history.entries if entry.accuracy_n})
    return words.context.format(
        profile=history.profile,
        settings=settings(history, lang),
        scored=words.scored.format(
            count=" / ".join(numbers.decimal(count, lang, 0) for count in counts)
        )
        if counts
        else "",
    )


def settings(history: History, lang: Lang) -> str:
    """Name every engine of a run with its numbers of threads."""
    cases = dict.fromkeys((entry.case.engine, entry.case.threads) for entry in history.entries)
    return " / ".join(setting(engine, threads, lang) for engine, threads in cases)


def setting(engine: str, threads: int, lang: Lang) -> str:
    """Name an engine with its number of threads."""
    words = WORDS[lang]
    phrase = words.setting if threads == 1 else words.settings
    return phrase.format(engine=engine, threads=threads)


def run_notes(history: History, footnotes: Footnotes, lang: Lang) -> tuple[Note, ...]:
    """Return the notes that stand below the table, the most pressing first."""
    words = WORDS[lang]
    broken = [_broken(result, lang) for result in history.budgets if result.verdict == "fail"]
    unjudged = [
        f"{result.case.id}: {result.budget}"
        for result in history.budgets
        if result.verdict == "not_judged"
    ]
    missing = [f"{missing.variant}: {clean(missing.reason)}" for missing in history.missing]
    sections = [
        (words.broken, broken),
        (words.missing, missing),
        (words.unreadable, unreadable(history, lang)),
        (words.notes, footnotes.lines()),
        (words.not_judged, unjudged),
        (words.warnings, [clean(warning) for warning in history.preflight.warnings]),
    ]
    notes = [] if history.status == "complete" else [Note(status(history, lang))]
    notes += [Note(heading, tuple(lines)) for heading, lines in sections if lines]
    text = caption(history, lang)
    return (*notes, Note(text)) if text else tuple(notes)


def unreadable(history: History, lang: Lang) -> list[str]:
    """Say how many images of each data set could not be read, and name the first of them."""
    return [
        WORDS[lang].unreadable_row.format(
            unreadable=numbers.decimal(row.unreadable, lang, 0),
            images=numbers.decimal(row.images, lang, 0),
            dataset=row.dataset,
            examples=clean("; ".join(row.examples))
            + ("; ..." if row.unreadable > len(row.examples) else ""),
        )
        for row in history.unreadable
    ]


def status(history: History, lang: Lang) -> str:
    """Say in a sentence how much of the profile the run measured."""
    words = WORDS[lang]
    return {
        "complete": words.status_complete,
        "partial": words.status_partial,
        "interrupted": words.status_interrupted,
    }[history.status]


def caption(history: History, lang: Lang) -> str:
    """Say what the profile can show and what it cannot; nothing of a profile of one's own."""
    return WORDS[lang].captions.get(history.profile, "")


def clean(text: str) -> str:
    """Make recorded text one printable line: a history may come from anywhere."""
    spaced = " ".join(text.split())
    if spaced.isprintable():
        return spaced
    return "".join(character if character.isprintable() else "?" for character in spaced)


def escape_markdown(text: str, *, within_words: bool = True) -> str:
    """Escape recorded text, so that GitHub's Markdown shows it as it is.

    An underscore within a word marks nothing up; unescaped it stays what a command or a name is
    copied as.
    """
    underscore = "_" if within_words else r"(?<!\w)_|_(?!\w)"
    return re.sub(rf"[\\`*\[\]<>|#&~]|{underscore}", r"\\\g<0>", text)


def _broken(result: BudgetResult, lang: Lang) -> str:
    words = WORDS[lang]
    if result.value is None:  # the schema allows no such failure
        raise ValueError(f"{result.case.id}: {result.budget} failed without a value")
    over = result.value > result.limit
    return words.broken_row.format(
        case=result.case.id,
        what=re.sub("_(min|max)$", "", result.budget),
        budget=result.budget,
        value=numbers.localised(apart(result.value, result.limit), lang),
        side=words.over if over else words.under,
        limit=numbers.localised(fixed(result.limit), lang),
        by=numbers.significant(abs(result.value - result.limit), lang, 2),
    )
