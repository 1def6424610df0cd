"""What is compared: the figure of each measure, and the test that judges a change of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from scipy.stats import mannwhitneyu

from slimbench.history.record import Entry
from slimbench.mcnemar import discordant, mcnemar

ALPHA = 0.05
"""Below this p a difference is called one; it is not corrected for the number of cases."""


def mann_whitney(first: Sequence[float], second: Sequence[float]) -> float:
    """Return the two-sided p of Mann and Whitney's U (1947), exact for few samples without ties.

    It takes samples as independent. Those of one process are not quite, and those of two times
    share no conditions, so a small p says that the runs differ, not that the models do.
    """
    return float(mannwhitneyu(first, second, alternative="two-sided").pvalue)


def enough(first: int, second: int) -> bool:
    """Whether so many samples could differ at `ALPHA` at all.

    The least p there is, that of samples which do not overlap, is 2 / C(first + second, first).
    """
    return 2 / math.comb(first + second, first) < ALPHA


Verdict = Literal["differs", "no_difference", "not_comparable"]
"""`no_difference`: none that is significant, or, of an exact figure, none at all."""

Unit = Literal["ms", "bytes", "share"]


@dataclass(frozen=True, slots=True)
class Delta:
    """A figure against the first run's.

    `change` is new / old - 1 for times and sizes and the difference for shares; `p` is None where
    figures are exact. `remark` says what else decides how to read it.
    """

    verdict: Verdict
    change: float | None = None
    p: float | None = None
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Measure:
    """One block of a comparison.

    `key` is the figure's in `extra_info`; a missing one's reason stands under the part of it
    before the dot. `method` says in a sentence how changes are judged.
    """

    name: str
    key: str
    title: str
    unit: Unit
    method: str
    value: Callable[[Entry], float | None]
    judge: Callable[[Entry, Entry], Delta]

    def reason(self, entry: Entry) -> str:
        """Say why the entry has no figure."""
        return entry.reasons[self.key.partition(".")[0]]

    def delta(self, first: Entry, entry: Entry) -> Delta:
        """Hold an entry that has a figure against the first run's entry of the same case."""
        if self.value(first) is None:
            return Delta("not_comparable", remark="the first run has no figure")
        return self.judge(first, entry)


def _median(entry: Entry) -> float | None:
    return None if entry.latency_ms is None else entry.latency_ms.p50


def _latency(first: Entry, entry: Entry) -> Delta:
    if first.latency_ms is None or entry.latency_ms is None:
        raise ValueError(f"{entry.case.id} has no latency to compare")
    if not enough(len(first.samples), len(entry.samples)):
        counts = f"{len(first.samples)} and {len(entry.samples)}"
        return Delta("not_comparable", remark=f"too few samples ({counts})")
    p = mann_whitney(first.samples, entry.samples)
    return Delta(
        "differs" if p < ALPHA else "no_difference",
        entry.latency_ms.p50 / first.latency_ms.p50 - 1,
        p,
        _same_file(first, entry) if p < ALPHA else "",
    )


def _exact(count: Callable[[Entry], int | None]) -> Callable[[Entry, Entry], Delta]:
    def judge(first: Entry, entry: Entry) -> Delta:
        old, new = count(first), count(entry)
        if old is None or new is None:
            raise ValueError(f"{entry.case.id} has no size to compare")
        if old == new:
            return Delta("no_difference", 0.0)
        return Delta("differs", new / old - 1, remark=f"{new - old:+,d} B")

    return judge


def _accuracy(first: Entry, entry: Entry) -> Delta:
    if first.eval_sha256 is None or first.eval_sha256 != entry.eval_sha256:
        return Delta("not_comparable", remark="other images")
    old, new = first.correct(), entry.correct()
    if old is None or new is None:
        return Delta("not_comparable", remark="the single answers were not kept")
    if len(old) != len(new):
        return Delta("not_comparable", remark="another number of images")
    lost, won = discordant(old, new)
    p = mcnemar(lost, won)
    remarks = [f"{lost} lost, {won} won", _same_file(first, entry) if p < ALPHA else ""]
    return Delta(
        "differs" if p < ALPHA else "no_difference",
        (won - lost) / len(new),
        p,
        ", ".join(part for part in remarks if part),
    )


def _same_file(first: Entry, entry: Entry) -> str:
    """Say where a change cannot be the model's."""
    return "same file" if first.model_sha256 == entry.model_sha256 else ""


_ALL = (
    Measure(
        "latency",
        "latency_ms.p50",
        "Latency: median of single invocations",
        "ms",
        "~: no significant difference; two-sided Mann-Whitney U over the samples kept, "
        f"p < {ALPHA} for each case by itself. Same file: the change is not the model's.",
        _median,
        _latency,
    ),
    Measure(
        "size",
        "size_bytes",
        "Size of the model file",
        "bytes",
        "=: the same to the byte; any other difference is real.",
        lambda entry: entry.size_bytes,
        _exact(lambda entry: entry.size_bytes),
    ),
    Measure(
        "gzip",
        "size_gzip_bytes",
        "Size of the model file after gzip",
        "bytes",
        "=: the same to the byte; any other difference is real.",
        lambda entry: entry.size_gzip_bytes,
        _exact(lambda entry: entry.size_gzip_bytes),
    ),
    Measure(
        "accuracy",
        "accuracy_top1",
        "Accuracy (top-1)",
        "share",
        f"~: no significant difference; exact McNemar test over the same images, p < {ALPHA} for "
        "each case by itself.",
        lambda entry: entry.accuracy_top1,
        _accuracy,
    ),
)

MEASURES: Mapping[str, Measure] = {measure.name: measure for measure in _ALL}
"""By the names that `--metric` takes, in the order they are shown."""
