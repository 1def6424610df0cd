"""Say what a teacher brought: the mean difference of taught and untaught students, with interval.

Reads saved histories of profiles whose students come in both forms, `<network>_scratch` and
`<network>_distilled`, and trains nothing. Pairs have the same seed and repeat: the same beginning
and the same pictures in the same order. The interval is Student's t over the repeats' differences
(scipy.stats.t), so it covers chance in training, not which images are in the test set. One repeat
has no interval, and none is made up.

    .venv/bin/python scripts/measure_distillation.py profile:cifar10-full --out distillation.json
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from scipy import stats
from tabulate import tabulate

from slimbench.atomic_write import write_text
from slimbench.errors import UsageProblem
from slimbench.history.document import HistoryError
from slimbench.history.record import History
from slimbench.history.select import WAYS, select
from slimbench.paths import results_folder
from slimbench.spec import Case

CONFIDENCE = 0.95

ENGINE, THREADS = "litert", 1
"""Accuracy is a property of the file; it is taken from here."""

_NAME = re.compile(
    r"(?P<network>[a-z0-9]+)_(?P<how>scratch|distilled)(?P<few>\d+k)?"
    r"(_e(?P<epochs>\d+))?(_repeat(?P<repeat>\d+))?_(?P<precision>.+)"
)


@dataclass(frozen=True, slots=True, order=True)
class Student:
    """What is compared: a network, how many labels it had where not all, and a precision.

    `epochs` is empty for a network's usual schedule.
    """

    network: str
    labels: str
    epochs: str
    precision: str


@dataclass(frozen=True, slots=True)
class Pair:
    """Two trainings that differ in the teacher alone; shares of test images that were right."""

    seed: int
    repeat: int
    scratch: float
    distilled: float

    @property
    def difference(self) -> float:
        """What the teacher brought, as a share."""
        return self.distilled - self.scratch


@dataclass(frozen=True, slots=True)
class Difference:
    """The mean over pairs; `interval` is None where there is one pair alone."""

    student: Student
    pairs: tuple[Pair, ...]
    images: int

    @property
    def mean(self) -> float:
        """The mean difference, as a share."""
        return statistics.fmean(pair.difference for pair in self.pairs)

    @property
    def interval(self) -> tuple[float, float] | None:
        """Student's t interval of the mean; None of fewer than two pairs."""
        count = len(self.pairs)
        if count < 2:
            return None
        spread = statistics.stdev(pair.difference for pair in self.pairs) / count**0.5
        reach = float(stats.t.ppf((1 + CONFIDENCE) / 2, count - 1)) * spread
        return self.mean - reach, self.mean + reach


def differences(histories: Iterable[History]) -> list[Difference]:
    """Pair the students of some runs; of two runs' same training the later run's is taken.

    Raises UsageProblem where runs were scored on different images.
    """
    found: dict[Student, dict[tuple[int, int], dict[str, float]]] = {}
    images: dict[Student, int] = {}
    scored_on: dict[str | None, History] = {}
    for history in sorted(histories, key=lambda each: each.taken):
        for entry in history.entries:
            match = _NAME.fullmatch(entry.case.variant)
            if not match or entry.case != Case(entry.case.variant, ENGINE, THREADS):
                continue
            if entry.accuracy_top1 is None or entry.accuracy_n is None:
                continue
            scored_on.setdefault(entry.eval_sha256, history)
            student = Student(
                match["network"], match["few"] or "all", match["epochs"] or "", match["precision"]
            )
            key = history.seed, int(match["repeat"] or 0)
            found.setdefault(student, {}).setdefault(key, {})[match["how"]] = entry.accuracy_top1
            images[student] = entry.accuracy_n
    if len(scored_on) > 1:
        names = " and ".join(str(history.path) for history in scored_on.values())
        raise UsageProblem(f"These runs were scored on different images: {names}. Name others.")
    whole = {student: _pairs(trainings) for student, trainings in found.items()}
    return [Difference(each, whole[each], images[each]) for each in sorted(whole) if whole[each]]


def _pairs(trainings: Mapping[tuple[int, int], Mapping[str, float]]) -> tuple[Pair, ...]:
    """Return those trainings that there are both of, by seed and repeat."""
    return tuple(
        Pair(seed, repeat, shares["scratch"], shares["distilled"])
        for (seed, repeat), shares in sorted(trainings.items())
        if len(shares) == 2
    )


def as_table(found: Sequence[Difference]) -> str:
    """Return a line a student, in percent and points of a hundred."""
    rows = []
    for each in found:
        rows.append(
            {
                "student": each.student.network,
                "labels": each.student.labels,
                "epochs": each.student.epochs or "usual",
                "precision": each.student.precision,
                "repeats": len(each.pairs),
                "alone %": f"{100 * statistics.fmean(p.scratch for p in each.pairs):.2f}",
                "taught %": f"{100 * statistics.fmean(p.distilled for p in each.pairs):.2f}",
                "difference, points": f"{100 * each.mean:+.2f}",
                f"{CONFIDENCE:.0%} interval": _points(each.interval),
            }
        )
    return tabulate(rows, headers="keys", disable_numparse=True)


def _points(interval: tuple[float, float] | None) -> str:
    if interval is None:
        return "none: one repeat"
    return f"{100 * interval[0]:+.2f} to {100 * interval[1]:+.2f}"


def as_json(found: Sequence[Difference]) -> str:
    """Return the same with every pair, as shares."""
    rows = [
        {
            **asdict(each.student),
            "repeats": len(each.pairs),
            "images": each.images,
            "difference": each.mean,
            "interval": each.interval,
            "confidence": CONFIDENCE if each.interval else None,
            "pairs": [{**asdict(pair), "difference": pair.difference} for pair in each.pairs],
        }
        for each in found
    ]
    return json.dumps(rows, indent=1) + "\n"


def main() -> int:
    """Show the table and write the JSON where that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("runs", nargs="+", metavar="RUN", help=WAYS)
    parser.add_argument(
        "--results", type=Path, default=results_folder(), help="where histories are saved"
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="write every pair there as JSON")
    arguments = parser.parse_args()
    try:
        histories = [
            history for what in arguments.runs for history in select(what, arguments.results)
        ]
        found = differences(histories)
    except (UsageProblem, HistoryError) as error:
        print(error, file=sys.stderr)
        return 2
    if not found:
        print(
            "These runs hold no student both alone (_scratch_) and taught (_distilled_). "
            "Run a profile that has both, such as cifar10.",
            file=sys.stderr,
        )
        return 2
    print(as_table(found))
    if arguments.out:
        write_text(arguments.out, as_json(found))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
