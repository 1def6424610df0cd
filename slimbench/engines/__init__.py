"""By what variants are run: one file per runtime, each with an `ENGINE`.

Every file here is imported to learn its engine's name, so a runtime is imported inside `prepare`
and `load`, and not at the top of its file.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Mapping

from slimbench.spec import Engine
from slimbench.suite import registry


def all_engines() -> dict[str, Engine]:
    """Return every engine by name."""
    return registry.by_name(sys.modules[__name__], "ENGINE")


def names() -> tuple[str, ...]:
    """Return the names of all engines."""
    return tuple(all_engines())


def get(name: str) -> Engine:
    """Return an engine; raises UsageProblem that lists what exists."""
    known = all_engines()
    if name not in known:
        raise registry.unknown("engine", name, known)
    return known[name]


@functools.cache
def distributions() -> Mapping[str, str]:
    """Return the distribution whose version an engine's times depend on, by the engine's name.

    An engine that was written for an earlier version says none and is not among them.
    """
    return {
        name: engine.distribution
        for name, engine in all_engines().items()
        if hasattr(engine, "distribution")
    }
