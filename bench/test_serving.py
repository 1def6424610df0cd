"""How each variant serves: our server beside the tutorials', under load and far too much of it."""

from __future__ import annotations

from collections.abc import Callable


def test_serving(hold: Callable[[str], None]) -> None:
    """A variant keeps its serving budgets."""
    hold("serving")
