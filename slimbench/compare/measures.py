"""What is compared: the figure of each measure, and the test that judges a change of it."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from scipy.stats import mannwhitneyu

from slimbench.history.record import Entry
from slimbench.mcnemar import discordant, mcnemar
from slimbench.metrics import described, with_columns
from slimbench.metrics.accuracy import TOP1
from slimbench.metrics.latency import P50
from slimbench.spec import Figure

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
    """One block of a comparison; `method` says in a sentence how changes are judged."""

    figure: Figure
    method: str
    judge: Callable[[Entry, Entry], Delta]

    @property
    def title(self) -> str:
        """The block's heading."""
        return self.figure.title or self.figure.label or self.figure.key

    def value(self, entry: Entry) -> float | None:
        """Return the entry's figure, None where `reason` says why there is none."""
        return entry.value(self.figure.key)

    def reason(self, entry: Entry) -> str:
        """Say why the entry has no figure."""
        return entry.reason(self.figure.key)

    def delta(self, first: Entry, entry: Entry) -> Delta:
        """Hold an entry that has a figure against the first run's entry of the same case."""
        if self.value(first) is None:
            return Delta("not_comparable", remark="the first run has no figure")
        return self.judge(first, entry)


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


def _exact(figure: Figure, first: Entry, entry: Entry) -> Delta:
    old, new = first.value(figure.key), entry.value(figure.key)
    if old is None or new is None:
        raise ValueError(f"{entry.case.id} has no {figure.key} to compare")
    if figure.on_images and (first.eval_sha256 is None or first.eval_sha256 != entry.eval_sha256):
        return Delta("not_comparable", remark="other images")
    if figure.against_reference and first.reference != entry.reference:
        return Delta("not_comparable", remark="another reference")
    if old == new:
        return Delta("no_difference", 0.0)
    if figure.unit == "share":
        return Delta("differs", new - old)
    if not old:
        return Delta("not_comparable", remark="it was 0")
    remark = f"{new - old:+,d} B" if figure.unit == "bytes" else ""
    return Delta("differs", new / old - 1, remark=remark)


def _single(_first: Entry, _entry: Entry) -> Delta:
    return Delta("not_comparable", remark="one value a run tells no change from noise")


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


@functools.cache
def measure(name: str) -> Measure:
    """Return how a figure is compared, by its key or by the name of its column.

    Raises:
        UsageProblem: There is no such figure; it lists those there are.
    """
    figure = described(name)
    if figure == P50:
        method = (
            "~: no significant difference; two-sided Mann-Whitney U over the samples kept, "
            f"p < {ALPHA} for each case by itself. Same file: the change is not the model's."
        )
        return Measure(figure, method, _latency)
    if figure == TOP1:
        method = (
            "~: no significant difference; exact McNemar test over the same images, "
            f"p < {ALPHA} for each case by itself."
        )
        return Measure(figure, method, _accuracy)
    if figure.exact:
        to_the = "byte" if figure.unit == "bytes" else "last digit"
        method = f"=: the same to the {to_the}; any other difference is real."
        return Measure(figure, method, functools.partial(_exact, figure))
    return Measure(figure, "A run has one value of it, so no test can judge a change.", _single)


def chosen(names: Sequence[str]) -> list[Measure]:
    """Return the measures of these names; those with a column come first, and are the default.

    Raises:
        UsageProblem: There is no such figure.
    """
    usual = [measure(figure.column) for figure in with_columns()]
    wanted = list(dict.fromkeys(map(measure, names))) or usual
    return sorted(wanted, key=lambda one: usual.index(one) if one in usual else len(usual))
