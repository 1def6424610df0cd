"""What is said of trends in tables and charts alike."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from slimbench.report.notes import setting
from slimbench.report.words import Lang
from slimbench.trend import words
from slimbench.trend.change_points import SHORTEST
from slimbench.trend.quantity import Quantity
from slimbench.trend.series import Partition
from slimbench.trend.trends import Marked, Trend
from slimbench.trend.words import WORDS


def heading(trends: Sequence[Trend], variant: str, metric: str, lang: Lang) -> str:
    """Name what is shown, and of how many runs."""
    return WORDS[lang].heading.format(
        variant=variant,
        metric=metric,
        runs=words.runs(sum(len(trend.runs) for trend in trends), lang),
        partitions=words.partitions(len(trends), lang),
    )


def named(partition: Partition, lang: Lang) -> str:
    """Say under what a partition's figures were taken."""
    said = WORDS[lang]
    parts = [
        partition.machine,
        partition.cpu,
        setting(partition.engine, partition.threads, lang),
        f"{partition.runtime} ({partition.options})" if partition.options else partition.runtime,
        said.profile.format(profile=partition.profile),
    ]
    if partition.images:
        parts.append(said.images.format(images=partition.images))
    if partition.reference:
        parts.append(said.against.format(reference=partition.reference))
    return ", ".join(parts)


def summary(trend: Trend, lang: Lang) -> str:
    """Say how many runs there are, since when, and what the level is now."""
    said = WORDS[lang]
    taken = [run.point.taken for run in trend.runs]
    count = words.runs(len(taken), lang)
    parts = [said.summary.format(runs=count, first=day(min(taken)), last=day(max(taken)))]
    missing = sum(run.level is None for run in trend.runs)
    if trend.levels:
        newest = trend.levels[-1]
        value = trend.quantity.write(newest.value, lang)
        parts.append(said.now.format(value=value, run=newest.points[0].number))
        parts += [said.unmeasured.format(count=missing)] if missing else []
    else:
        parts.append(said.never)
    return ", ".join(parts)


def changed(trend: Trend, run: Marked, lang: Lang) -> str:
    """Say from what to what the level changes at a run."""
    step, change = change_parts(trend, run, lang)
    return WORDS[lang].changed.format(step=step, change=change)


def change_parts(trend: Trend, run: Marked, lang: Lang) -> tuple[str, str]:
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
    """Say in a sentence how levels are found."""
    said = WORDS[lang]
    return said.exact if quantity.exact else said.timed.format(shortest=SHORTEST)


def day(moment: datetime) -> str:
    """Write a date, in UTC."""
    return f"{moment.astimezone(UTC):%Y-%m-%d}"
