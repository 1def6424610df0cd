"""How much more one server gives than another."""

from __future__ import annotations

import statistics
from collections.abc import Mapping

from slimbench.serving.figures import BATCHING, PLAIN, ServerFigures

PAYS = 1.05
"""From so many times the right answers on, batches pay; less is noise."""


def shipped_one(servers: Mapping[str, ServerFigures]) -> str:
    """Return which of our servers is shipped: batches only where they pay."""
    ratio = paired_ratio(servers[BATCHING], servers[PLAIN])
    return BATCHING if ratio is not None and ratio >= PAYS else PLAIN


def paired_ratio(one: ServerFigures, other: ServerFigures) -> float | None:
    """Return the median, over the rounds, of the ratio of right answers per second.

    None where a server was not measured in every round, or gave no right answer in one of them.
    """
    pairs = [*zip(one.right_per_s_rounds, other.right_per_s_rounds, strict=False)]
    whole = len(one.right_per_s_rounds) == len(other.right_per_s_rounds)
    if not pairs or not whole or not all(others for _, others in pairs):
        return None
    return statistics.median(own / others for own, others in pairs)
