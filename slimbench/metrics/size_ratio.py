"""How large a file is against the reference's."""

from __future__ import annotations

from slimbench.spec import Group, Kind, Metric, Reading, Subject, Unmeasured


class SizeRatio:
    """Own bytes / the reference's bytes, not compressed; below 1 is smaller."""

    keys: tuple[str, ...] = ("size_ratio",)
    group: Group = "size"
    kind: Kind = "other"

    def read(self, subject: Subject) -> Reading:
        """Return the quotient; null with the reason where either size is."""
        if subject.reference is None:
            return {"size_ratio": Unmeasured(subject.reference_reason)}
        own = subject.value("size_bytes")
        reference = subject.reference.value("size_bytes")
        for size in (own, reference):
            if isinstance(size, Unmeasured):
                return {"size_ratio": size}
        return {"size_ratio": own / reference}


METRICS: tuple[Metric, ...] = (SizeRatio(),)
