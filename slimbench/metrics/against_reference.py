"""What figures of the variant and its reference have in common: one value computed from two."""

from __future__ import annotations

from collections.abc import Callable

from slimbench.spec import Figure, Group, Kind, Reading, Subject, Unmeasured


class AgainstReference:
    """`compute(own, reference)` of what another metric reads under the key `source`."""

    def __init__(
        self,
        figure: Figure,
        source: str,
        compute: Callable[[float, float], float],
        *,
        group: Group,
        kind: Kind,
    ) -> None:
        self.keys: tuple[str, ...] = (figure.key,)
        self.figures: tuple[Figure, ...] = (figure,)
        self.group: Group = group
        self.kind: Kind = kind
        self._source = source
        self._compute = compute

    def read(self, subject: Subject) -> Reading:
        """Return the figure; unmeasured, with the reason, where either value is."""
        (key,) = self.keys
        if subject.reference is None:
            return {key: Unmeasured(subject.reference_reason)}
        own, reference = subject.value(self._source), subject.reference.value(self._source)
        for value in (own, reference):
            if isinstance(value, Unmeasured):
                return {key: value}
        return {key: self._compute(own, reference)}
