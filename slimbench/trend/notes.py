"""The phrases and sentences of tables and charts of trends, in English and French."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from slimbench.report import numbers
from slimbench.report.notes import setting
from slimbench.report.quantity import Quantity
from slimbench.report.words import Lang
from slimbench.trend.change_points import SHORTEST_LEVEL
from slimbench.trend.trends import Partition, Trend, TrendRun


@dataclass(frozen=True, slots=True)
class Words:
    """The phrases of one language; `{...}` are filled in where they are shown."""

    heading: str
    one_run: str
    many_runs: str
    one_partition: str
    many_partitions: str
    profile: str
    images: str
    against: str
    summary: str
    unmeasured: str
    now: str
    never: str

    run: str
    date: str
    commit: str
    value: str
    change: str

    changed: str
    partial: str
    dirty: str
    left_out: str
    more: str

    timed: str
    exact: str
    unpaired: str
    apart: str
    draw: str
    drawn: str

    chart_runs: str
    chart_run: str
    chart_partial: str
    chart_level: str
    chart_change: str
    chart_clipped: str
    chart_more_changes: str
    chart_more_partitions: str
    chart_nothing: str


ENGLISH = Words(
    heading="{variant}, {metric}: {runs} in {partitions}.",
    one_run="1 run",
    many_runs="{count} runs",
    one_partition="1 partition",
    many_partitions="{count} partitions",
    profile="profile {profile}",
    images="images {images}",
    against="against {reference}",
    summary="{runs}, {first} to {last}",
    unmeasured="{count} without a figure",
    now="level {value} since run {run}",
    never="no figure in any run",
    run="Run",
    date="Date (UTC)",
    commit="Commit",
    value="Value",
    change="Against the level before",
    changed="level changed here: {step}, {change}",
    partial="partial",
    dirty="with changes",
    left_out="{runs} not shown",
    more="For more or fewer runs: --last N.",
    timed=(
        "A level is the median of at least {shortest} runs; ruptures' PELT finds where levels "
        "begin, and a single slow run makes none."
    ),
    exact="The figure is exact: every change of it is real.",
    unpaired=(
        "Indicative: unpaired figures of different moments are never judged, so this never fails "
        "a build. To know whether a model is slower, run slimbench gate."
    ),
    apart="Runs of different partitions are not comparable.",
    draw="For a chart: add --chart FILE.png (or .svg).",
    drawn="Chart: {path}",
    chart_runs="Run number and its date",
    chart_run="run",
    chart_partial="partial run",
    chart_level="level (median)",
    chart_change="the level changed",
    chart_clipped="beyond the scale",
    chart_more_changes="{count} changes; the {named} largest are named",
    chart_more_partitions=(
        "Not drawn: {count} older partitions. Narrow with --engine, --threads or --profile."
    ),
    chart_nothing="no figure in any run",
)

FRENCH = Words(
    heading="{variant}, {metric} : {runs} dans {partitions}.",
    one_run="1 exécution",
    many_runs="{count} exécutions",
    one_partition="1 partition",
    many_partitions="{count} partitions",
    profile="profil {profile}",
    images="images {images}",
    against="par rapport à {reference}",
    summary="{runs}, du {first} au {last}",
    unmeasured="{count} sans valeur",
    now="niveau {value} depuis l'exécution {run}",
    never="aucune valeur",
    run="Exécution",
    date="Date (UTC)",
    commit="Commit",
    value="Valeur",
    change="Par rapport au niveau précédent",
    changed="le niveau change ici : {step}, {change}",
    partial="partielle",
    dirty="avec modifications",
    left_out="{runs} non montrées",
    more="Pour plus ou moins d'exécutions : --last N.",
    timed=(
        "Un niveau est la médiane d'au moins {shortest} exécutions ; PELT, de ruptures, trouve où "
        "les niveaux commencent, et une seule exécution lente n'en fait pas un."
    ),
    exact="La valeur est exacte : chacun de ses changements est réel.",
    unpaired=(
        "À titre indicatif : des valeurs prises à des moments différents, sans appariement, ne "
        "sont jamais jugées et ne font échouer aucune construction. Pour savoir si un modèle est "
        "plus lent, lancez slimbench gate."
    ),
    apart="Les exécutions de partitions différentes ne sont pas comparables.",
    draw="Pour un graphique : ajoutez --chart FICHIER.png (ou .svg).",
    drawn="Graphique : {path}",
    chart_runs="Numéro de l'exécution et sa date",
    chart_run="exécution",
    chart_partial="exécution partielle",
    chart_level="niveau (médiane)",
    chart_change="le niveau change",
    chart_clipped="au-delà de l'échelle",
    chart_more_changes="{count} changements ; les {named} plus grands sont nommés",
    chart_more_partitions=(
        "Non représentées : {count} partitions plus anciennes. Choisissez avec --engine, "
        "--threads ou --profile."
    ),
    chart_nothing="aucune valeur",
)

WORDS: Mapping[Lang, Words] = {"en": ENGLISH, "fr": FRENCH}


def count_runs(count: int, lang: Lang) -> str:
    """Write a number of runs."""
    words = WORDS[lang]
    return _counted(count, words.one_run, words.many_runs, lang)


def count_partitions(count: int, lang: Lang) -> str:
    """Write a number of partitions."""
    words = WORDS[lang]
    return _counted(count, words.one_partition, words.many_partitions, lang)


def _counted(count: int, one: str, many: str, lang: Lang) -> str:
    return one if count == 1 else many.format(count=numbers.decimal(count, lang, 0))


def heading(trends: Sequence[Trend], variant: str, metric: str, lang: Lang) -> str:
    """Write the title: variant, metric, and the numbers of runs and partitions."""
    return WORDS[lang].heading.format(
        variant=variant,
        metric=metric,
        runs=count_runs(sum(len(trend.runs) for trend in trends), lang),
        partitions=count_partitions(len(trends), lang),
    )


def partition_label(partition: Partition, lang: Lang) -> str:
    """List what the runs of a partition have in common, from the machine to the reference."""
    words = WORDS[lang]
    parts = [
        partition.machine,
        partition.cpu,
        setting(partition.engine, partition.threads, lang),
        f"{partition.runtime} ({partition.options})" if partition.options else partition.runtime,
        words.profile.format(profile=partition.profile),
    ]
    if partition.images:
        parts.append(words.images.format(images=partition.images))
    if partition.reference:
        parts.append(words.against.format(reference=partition.reference))
    return ", ".join(parts)


def summary(trend: Trend, lang: Lang) -> str:
    """Write the number of runs, their dates, and the newest level."""
    words = WORDS[lang]
    taken = [run.point.taken for run in trend.runs]
    count = count_runs(len(taken), lang)
    parts = [words.summary.format(runs=count, first=day(min(taken)), last=day(max(taken)))]
    missing = sum(run.level is None for run in trend.runs)
    if trend.levels:
        newest = trend.levels[-1]
        value = trend.quantity.write(newest.value, lang)
        parts.append(words.now.format(value=value, run=newest.points[0].number))
        parts += [words.unmeasured.format(count=missing)] if missing else []
    else:
        parts.append(words.never)
    return ", ".join(parts)


def change_note(trend: Trend, run: TrendRun, lang: Lang) -> str:
    """Write the change of level at a run: the values before and after, and the difference."""
    step, change = change_parts(trend, run, lang)
    return WORDS[lang].changed.format(step=step, change=change)


def change_parts(trend: Trend, run: TrendRun, lang: Lang) -> tuple[str, str]:
    """Return a change of level as two values, and as a share or a difference of shares.

    Raises:
        ValueError: No level changes at this run.
    """
    if run.level is None or run.before is None:
        raise ValueError(f"no level changes at run {run.point.number}")
    after = trend.levels[run.level].value
    quantity = trend.quantity
    return (
        quantity.write_step(run.before, after, lang),
        quantity.write_change(run.before, after, lang),
    )


def method(quantity: Quantity, lang: Lang) -> str:
    """Explain in a sentence how levels are found."""
    words = WORDS[lang]
    return words.exact if quantity.exact else words.timed.format(shortest=SHORTEST_LEVEL)


def day(moment: datetime) -> str:
    """Write a date, in UTC."""
    return f"{moment.astimezone(UTC):%Y-%m-%d}"
