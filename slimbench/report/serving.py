"""The servers of a run as a table, in English and French, beside the one of its variants."""

# ruff: noqa: RUF001 (the multiplication sign is meant)

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tabulate import tabulate

from slimbench.history.record import History
from slimbench.report import numbers
from slimbench.report.notes import Footnotes
from slimbench.report.words import WORDS, Lang


@dataclass(frozen=True, slots=True)
class ServingWords:
    """The phrases of one language."""

    title: str
    server: str
    servers: Mapping[str, str]
    shipped: str
    right: str
    wrong: str
    failed: str
    single: str
    rate: str
    beyond: str
    batch: str
    memory: str
    start: str
    heavy: str
    overload: str
    no_recovery: str


SERVING_WORDS: Mapping[Lang, ServingWords] = {
    "en": ServingWords(
        title="Serving {model}: {clients} clients at once, then Poisson arrivals with the 99th "
        "percentile held under {limit} ms, generator on the same machine.",
        server="Server",
        servers={
            "slimbench": "slimbench",
            "slimbench_batching": "slimbench, batching",
            "tutorial": "tutorial",
            "tutorial_lock": "tutorial with a lock",
        },
        shipped=" (as shipped)",
        right="Right answers/s",
        wrong="Wrong",
        failed="Failed",
        single="One client",
        rate="Highest rate/s",
        beyond="Refused at {factor}×",
        batch="Mean batch",
        memory="Memory",
        start="Start",
        heavy="With TensorFlow imported, the same application takes {memory} MiB. "
        "`slimbench serve` is ready after {start} ms.",
        overload="{factor} times the highest rate for {seconds} s: {statuses}; "
        "/livez p99 {livez} ms; served as before after: {recovery}.",
        no_recovery="never while it was watched",
    ),
    "fr": ServingWords(
        title="Service de {model} : {clients} clients à la fois, puis arrivées poissonniennes avec "
        "le 99e centile tenu sous {limit} ms, générateur sur la même machine.",
        server="Serveur",
        servers={
            "slimbench": "slimbench",
            "slimbench_batching": "slimbench, par lots",
            "tutorial": "tutoriel",
            "tutorial_lock": "tutoriel avec verrou",
        },
        shipped=" (tel que livré)",
        right="Réponses justes/s",
        wrong="Fausses",
        failed="Échecs",
        single="Un client",
        rate="Débit maximal/s",
        beyond="Refus à {factor}×",
        batch="Lot moyen",
        memory="Mémoire",
        start="Démarrage",
        heavy="Avec TensorFlow importé, la même application prend {memory} Mio. "
        "`slimbench serve` est prêt après {start} ms.",
        overload="{factor} fois le débit maximal pendant {seconds} s : {statuses} ; "
        "p99 de /livez {livez} ms ; service comme avant après : {recovery}.",
        no_recovery="jamais tant qu'il était observé",
    ),
}


@dataclass(frozen=True, slots=True)
class ServingTable:
    """The servers of one model: a row for each, and what is to be said below."""

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]


def serving(history: History, lang: Lang, style: str = "grid") -> str:
    """Return a table of servers for each variant that has them; nothing where none has."""
    gap = "\n\n" if style == "github" else "\n"
    parts = []
    for servers in serving_tables(history, lang):
        grid = tabulate(
            servers.rows,
            headers=servers.headings,
            tablefmt=style,
            colalign=["left", *["right"] * (len(servers.headings) - 1)],
            disable_numparse=True,
        )
        parts.append(gap.join([servers.title, grid, *servers.notes]))
    return "\n\n".join(parts)


def serving_tables(history: History, lang: Lang) -> tuple[ServingTable, ...]:
    """Return the cells of the same tables."""
    return tuple(
        _of_one(entry.case.variant, entry.serving, lang)
        for entry in history.entries
        if entry.serving is not None
    )


def _of_one(model: str, measured: Mapping[str, Any], lang: Lang) -> ServingTable:
    words, footnotes = SERVING_WORDS[lang], Footnotes()
    conditions = measured["conditions"]
    title = words.title.format(
        model=model,
        clients=conditions["clients"],
        limit=numbers.significant(conditions["p99_limit_ms"], lang),
    )
    factor = numbers.significant(conditions["beyond"], lang)
    headings = (
        words.server,
        words.right,
        words.wrong,
        words.failed,
        words.single,
        words.rate,
        words.beyond.format(factor=factor),
        words.batch,
        words.memory,
        words.start,
    )
    rows = tuple(
        _row(name, figures, measured["shipped"], footnotes, lang)
        for name, figures in measured["servers"].items()
    )
    notes = [*footnotes.lines(), _heavy(measured, words, lang), _overload(measured, words, lang)]
    return ServingTable(title, headings, rows, tuple(filter(None, notes)))


def _row(
    name: str, figures: Mapping[str, Any], shipped: str, footnotes: Footnotes, lang: Lang
) -> tuple[str, ...]:
    words, general = SERVING_WORDS[lang], WORDS[lang]

    def cell(key: str, unit: str = "") -> str:
        value = figures[key]
        if value is None:
            return f"{general.nothing} {footnotes.mark(figures['reasons'][key])}"
        return numbers.significant(value, lang) + (f" {unit}" if unit else "")

    def count(key: str) -> str:
        return cell(key) if figures[key] is None else numbers.decimal(figures[key], lang, 0)

    single = cell("single_p50_ms", general.millisecond)
    if figures["single_p90_ms"] is not None:
        single += f" (p90 {numbers.significant(figures['single_p90_ms'], lang)})"
    refused = figures["beyond_refused_share"]
    return (
        words.servers.get(name, name) + (words.shipped if name == shipped else ""),
        cell("right_per_s"),
        count("wrong"),
        count("failed"),
        single,
        cell("rate_per_s"),
        cell("beyond_refused_share") if refused is None else f"{numbers.percent(refused, lang)} %",
        cell("mean_batch"),
        cell("resident_mib", general.mebibyte),
        cell("start_ms", general.millisecond),
    )


def _heavy(measured: Mapping[str, Any], words: ServingWords, lang: Lang) -> str:
    heavy = measured["resident_tensorflow_mib"]
    if heavy is None:
        return ""
    start = numbers.significant(measured["command_start_ms"], lang)
    return words.heavy.format(memory=numbers.significant(heavy, lang), start=start)


def _overload(measured: Mapping[str, Any], words: ServingWords, lang: Lang) -> str:
    over = measured["overload"]
    if over is None:
        return ""
    general = WORDS[lang]
    counts = (
        f"{numbers.decimal(count, lang, 0)} × {status}"
        for status, count in over["statuses"].items()
    )
    livez, recovery = over["livez_p99_ms"], over["recovery_s"]
    return words.overload.format(
        factor=numbers.significant(over["factor"], lang),
        seconds=numbers.significant(over["seconds"], lang),
        statuses=", ".join(counts),
        livez=general.nothing if livez is None else numbers.significant(livez, lang),
        recovery=words.no_recovery
        if recovery is None
        else f"{numbers.significant(recovery, lang)} s",
    )
