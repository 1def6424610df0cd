"""Top-1 accuracy, its confidence interval, its loss, and which images were right.

Images are scored one at a time on the engine that is timed; by the very session that is timed,
and others like it where there are cores to use.
"""

from __future__ import annotations

import math

from slimbench import engines
from slimbench.datasets.evaluation import evaluation_sha256
from slimbench.history.flags import pack_flags, unpack_flags
from slimbench.measurement import scoring
from slimbench.metrics.against_reference import AgainstReference
from slimbench.spec import Figure, Group, Kind, Metric, Reading, Session, Subject, Unmeasured

Z = 1.959963984540054
"""The 97.5 % point of the normal distribution."""

TOP1 = Figure(
    "accuracy_top1",
    "share",
    better="more",
    label="Accuracy",
    label_fr="Précision",
    title="Accuracy (top-1)",
    column="accuracy",
    exact=True,
    on_images=True,
    judge="answers",
    tolerance=0.01,
)
"""One point of accuracy is what the gate lets a model lose unless told otherwise."""

ALL_PRESENT = "all classes of the model are present"


def wilson_interval(correct: int, total: int) -> tuple[float, float]:
    """Return the Wilson score interval of a share, 95 % (Wilson 1927).

    In the order of operations of `scipy.stats.binomtest`, which takes two seconds to import, so
    that every bit is the same.
    """
    share = correct / total
    denominator = 2 * (total + Z**2)
    centre = (2 * total * share + Z**2) / denominator
    half = Z / denominator * math.sqrt(4 * total * share * (1 - share) + Z**2)
    low = 0.0 if correct == 0 else centre - half
    high = 1.0 if correct == total else centre + half
    return low, high


class Accuracy:
    """The share of images whose highest score is their label's.

    `correct_bits_present` is `correct_bits` with the highest score taken among the classes that
    occur in the data; see `RestrictedAccuracy`.
    """

    keys: tuple[str, ...] = (
        "accuracy_top1",
        "accuracy_n",
        "accuracy_ci95",
        "correct_bits",
        "eval_sha256",
        "correct_bits_present",
    )
    figures: tuple[Figure, ...] = (
        TOP1,
        Figure("accuracy_n", "count", label="Images", label_fr="Images", exact=True),
    )
    group: Group = "accuracy"
    kind: Kind = "score"

    def read(self, subject: Subject) -> Reading:
        """Score every image; raises ValueError, naming the file, where that cannot be done."""
        if subject.no_accuracy_reason:
            return dict.fromkeys(self.keys, Unmeasured(subject.no_accuracy_reason))
        engine = engines.get(subject.case.engine)

        def load() -> Session:
            return engine.load(subject.model, 1, subject.pixels)

        try:
            if engine.scores_in_parallel and scoring.cores() > 1:
                own = subject.session if subject.case.threads == 1 else None
                workers = scoring.cores()
            else:
                own, workers = subject.session, 1
            scored = scoring.score(
                load,
                subject.images,
                subject.labels,
                present=subject.present,
                workers=workers,
                own=own,
            )
        except ValueError as error:
            name = subject.case.variant
            raise ValueError(f"{name}: {subject.model} cannot be scored: {error}.") from error
        flags, restricted = scored.correct, scored.correct_present
        correct = int(flags.sum())
        return {
            "accuracy_top1": correct / len(flags),
            "accuracy_n": len(flags),
            "accuracy_ci95": list(wilson_interval(correct, len(flags))),
            "correct_bits": pack_flags(flags),
            "eval_sha256": evaluation_sha256(subject.images, subject.labels),
            "correct_bits_present": (
                Unmeasured(ALL_PRESENT) if restricted is None else pack_flags(restricted)
            ),
        }


class RestrictedAccuracy:
    """The share of images whose label has the highest score of the classes in the data.

    Photographs of 10 of a model's 1,000 classes make two questions: whether the model finds the
    class among all it knows, and whether it tells the 10 apart. The second is the easier one.
    """

    keys: tuple[str, ...] = ("accuracy_top1_present", "accuracy_top1_present_ci95")
    figures: tuple[Figure, ...] = (
        Figure(
            "accuracy_top1_present",
            "share",
            better="more",
            label="Accuracy among the classes in the data",
            label_fr="Précision parmi les classes présentes",
            exact=True,
            on_images=True,
            budgets=(),
        ),
    )
    group: Group = "accuracy"
    kind: Kind = "score"

    def read(self, subject: Subject) -> Reading:
        """Count what `correct_bits_present` has; null, with its reason, where that is."""
        packed = subject.value("correct_bits_present")
        if isinstance(packed, Unmeasured):
            return dict.fromkeys(self.keys, packed)
        total = subject.value("accuracy_n")
        correct = int(unpack_flags(packed, total).sum())
        share, interval = correct / total, list(wilson_interval(correct, total))
        return dict(zip(self.keys, (share, interval), strict=True))


ACCURACY_DROP = AgainstReference(
    Figure(
        "accuracy_drop",
        "share",
        better="less",
        label="Accuracy drop",
        label_fr="Perte de précision",
        exact=True,
        on_images=True,
        against_reference=True,
    ),
    "accuracy_top1",
    lambda own, reference: reference - own,
    group="accuracy",
    kind="score",
)
"""The reference's share of right images minus the variant's own, in [-1, 1]; below 0 is a gain."""

METRICS: tuple[Metric, ...] = (Accuracy(), ACCURACY_DROP, RestrictedAccuracy())
