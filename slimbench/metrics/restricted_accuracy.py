"""Top-1 accuracy among the classes that the data holds.

Photographs of 10 of a model's 1,000 classes make two questions: whether the model finds the class
among all it knows, and whether it tells the 10 apart. The second is the easier one.
"""

from __future__ import annotations

from slimbench.metrics.accuracy import unpack_flags, wilson_interval
from slimbench.spec import Group, Kind, Metric, Reading, Subject, Unmeasured


class RestrictedAccuracy:
    """The share of images whose label has the highest score of the classes in the data."""

    keys: tuple[str, ...] = ("accuracy_top1_present", "accuracy_top1_present_ci95")
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


METRICS: tuple[Metric, ...] = (RestrictedAccuracy(),)
