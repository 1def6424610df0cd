"""How much accuracy was given up against the reference."""

from __future__ import annotations

from slimbench.spec import Group, Kind, Metric, Reading, Subject, Unmeasured


class AccuracyDrop:
    """The reference's share of right images minus the variant's own; below 0 is a gain."""

    keys: tuple[str, ...] = ("accuracy_drop",)
    group: Group = "accuracy"
    kind: Kind = "score"

    def read(self, subject: Subject) -> Reading:
        """Return the difference of two shares, in [-1, 1]."""
        if subject.reference is None:
            return {"accuracy_drop": Unmeasured(subject.reference_reason)}
        own = subject.value("accuracy_top1")
        reference = subject.reference.value("accuracy_top1")
        for share in (own, reference):
            if isinstance(share, Unmeasured):
                return {"accuracy_drop": share}
        return {"accuracy_drop": reference - own}


METRICS: tuple[Metric, ...] = (AccuracyDrop(),)
