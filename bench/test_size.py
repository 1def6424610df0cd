"""How large each variant is: bytes, gzip bytes, parameters and zeros, all read from the file."""

from __future__ import annotations

from collections.abc import Callable


def test_size(hold: Callable[[str], None]) -> None:
    """A variant keeps its size budgets."""
    hold("size")
