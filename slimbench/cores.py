"""How many cores there are to work with."""

from __future__ import annotations

import os


def cores() -> int:
    """Return how many this process may run on, which a container or `taskset` makes fewer."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
