"""How often each variant is right, on the images that `slimbench data` writes."""

from __future__ import annotations

from collections.abc import Callable


def test_accuracy(hold: Callable[[str], None]) -> None:
    """A variant keeps its accuracy budgets."""
    hold("accuracy")
