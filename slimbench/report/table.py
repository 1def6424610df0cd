"""A run's result as a table: a grid for the terminal, Markdown for README."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tabulate import tabulate

from slimbench.history.record import Entry, History
from slimbench.report import numbers
from slimbench.report.notes import Footnotes, Note, context, escape_markdown, run_notes
from slimbench.report.quantity import Quantity, quantity
from slimbench.report.words import WORDS, Lang
from slimbench.spec import Figure

KERAS = "keras"
"""The engine that others are also compared with where it was run."""


@dataclass(frozen=True, slots=True)
class Column:
    """A heading and what stands below it for each entry."""

    heading: str
    cell: Callable[[Entry], str]
    value: Callable[[Entry], float | None] | None = None
    """The exact number that a cell writes, None where there is none; a column of names has none."""

    @property
    def align(self) -> str:
        """The side at which the cells are flush: numbers right, names left."""
        return "left" if self.value is None else "right"


def table(history: History, lang: Lang, more: Sequence[Figure] = ()) -> str:
    """Return the result as a grid with its notes below, ending without a line break.

    `more` are figures that get a column beside the usual ones.
    """
    footnotes = Footnotes()
    grid = _tabulated(columns(history, footnotes, lang, more), history, "grid")
    notes = [_plain(note) for note in run_notes(history, footnotes, lang)]
    return "\n".join([context(history, lang), grid, *notes])


def markdown(history: History, lang: Lang, more: Sequence[Figure] = ()) -> str:
    """Return the same in GitHub's Markdown, ending without a line break."""
    footnotes = Footnotes()
    grid = _tabulated(columns(history, footnotes, lang, more), history, "github")
    notes = [_listed(note) for note in run_notes(history, footnotes, lang)]
    return "\n\n".join([escape_markdown(context(history, lang)), grid, *notes])


def in_order(history: History) -> list[Entry]:
    """Return the entries as they are shown: by engine and threads, the reference first.

    Otherwise they keep the order of the profile, which has relatives side by side.
    """
    engines = list(dict.fromkeys(entry.case.engine for entry in history.entries))
    return sorted(
        history.entries,
        key=lambda entry: (
            engines.index(entry.case.engine),
            entry.case.threads,
            not entry.is_reference,
        ),
    )


def _tabulated(table_columns: Sequence[Column], history: History, style: str) -> str:
    return tabulate(
        [[column.cell(entry) for column in table_columns] for entry in in_order(history)],
        headers=[column.heading for column in table_columns],
        tablefmt=style,
        colalign=[column.align for column in table_columns],
        disable_numparse=True,
    )


def columns(
    history: History, footnotes: Footnotes, lang: Lang, more: Sequence[Figure] = ()
) -> list[Column]:
    """Return the table's columns; `footnotes` gets the reasons of what they cannot show."""
    words = WORDS[lang]

    def absent(entry: Entry, key: str) -> str:
        return f"{words.nothing} {footnotes.mark(entry.reason(key))}"

    def time(entry: Entry) -> str:
        latency = entry.latency_ms
        if latency is None:
            return absent(entry, "latency_ms")
        median = numbers.milliseconds(latency.p50, lang)
        return f"{median} (p90 {numbers.significant(latency.p90, lang)})"

    def size(entry: Entry) -> str:
        if entry.size_bytes is None:
            return absent(entry, "size_bytes")
        return numbers.size(entry.size_bytes, lang)

    def compressed(entry: Entry) -> str:
        if entry.size_gzip_bytes is None:
            return absent(entry, "size_gzip_bytes")
        return numbers.size(entry.size_gzip_bytes, lang)

    def accuracy(entry: Entry) -> str:
        if entry.accuracy_top1 is None:
            return absent(entry, "accuracy_top1")
        share = numbers.percent(entry.accuracy_top1, lang)
        if entry.accuracy_ci95 is None:
            return f"{share} % {absent(entry, 'accuracy_ci95')}"
        low, high = (numbers.percent(bound, lang) for bound in entry.accuracy_ci95)
        return words.interval.format(share=share, low=low, high=high)

    def improvement(entry: Entry) -> str:
        if entry.is_reference:
            return words.reference
        if entry.speedup is None:
            return absent(entry, "speedup")
        return numbers.times(entry.speedup, lang, words.faster, words.slower)

    def reduction(entry: Entry) -> str:
        if entry.is_reference:
            return words.reference
        if entry.size_ratio is None:
            return absent(entry, "size_ratio")
        return numbers.times(1 / entry.size_ratio, lang, words.smaller, words.larger)

    def further(figure: Figure) -> Column:
        written = Quantity(figure)

        def cell(entry: Entry) -> str:
            value = entry.value(figure.key)
            return absent(entry, figure.key) if value is None else written.write(value, lang)

        return Column(written.heading(lang), cell, lambda entry: entry.value(figure.key))

    def heading(key: str) -> str:
        return quantity(key).heading(lang)

    table_columns = [Column(words.model, lambda entry: entry.case.variant)]
    if len({entry.case.engine for entry in history.entries}) > 1:
        table_columns.append(Column(words.engine, lambda entry: entry.case.engine))
    if len({entry.case.threads for entry in history.entries}) > 1:
        table_columns.append(
            Column(
                words.threads,
                lambda entry: str(entry.case.threads),
                lambda entry: entry.case.threads,
            )
        )
    table_columns += [
        Column(heading("latency_ms.p50"), time, _median_ms),
        Column(heading("size_bytes"), size, lambda entry: entry.size_bytes),
        Column(heading("size_gzip_bytes"), compressed, lambda entry: entry.size_gzip_bytes),
        Column(heading("accuracy_top1"), accuracy, lambda entry: entry.accuracy_top1),
        Column(heading("speedup"), improvement, lambda entry: entry.speedup),
        Column(words.reduction, reduction, _size_reduction),
    ]
    keras = keras_ms(history)
    if keras:

        def keras_ratio(entry: Entry) -> float | None:
            predict = keras.get(architecture(entry))
            if entry.case.engine == KERAS or predict is None or entry.latency_ms is None:
                return None
            return predict / entry.latency_ms.p50

        def against_keras(entry: Entry) -> str:
            ratio = keras_ratio(entry)
            if ratio is None:
                return words.nothing
            return numbers.times(ratio, lang, words.faster, words.slower)

        table_columns.append(Column(words.against_keras, against_keras, keras_ratio))
    return [*table_columns, *map(further, more)]


def _median_ms(entry: Entry) -> float | None:
    return None if entry.latency_ms is None else entry.latency_ms.p50


def _size_reduction(entry: Entry) -> float | None:
    return None if entry.size_ratio is None else 1 / entry.size_ratio


def architecture(entry: Entry) -> str:
    """Return a variant's architecture, with which its name begins."""
    return entry.case.variant.partition("_")[0]


def keras_ms(history: History) -> dict[str, float]:
    """Return for each architecture the median time of Keras's own `predict`, where it was run.

    A ratio to it is of two medians of one run, not a paired figure. With several numbers of
    threads, Keras's fastest counts.
    """
    medians: dict[str, float] = {}
    for entry in history.entries:
        if entry.case.engine == KERAS and entry.latency_ms is not None:
            name = architecture(entry)
            medians[name] = min(entry.latency_ms.p50, medians.get(name, entry.latency_ms.p50))
    return medians


def _plain(note: Note) -> str:
    return "\n".join([note.text, *(f"  {line}" for line in note.lines)])


def _listed(note: Note) -> str:
    if not note.lines:
        return escape_markdown(note.text)
    lines = "\n".join(f"- {escape_markdown(line)}" for line in note.lines)
    return f"{escape_markdown(note.text)}\n\n{lines}"
