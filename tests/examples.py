"""How many examples a property test has."""

from __future__ import annotations

from hypothesis import settings

USUAL = 100
"""What hypothesis takes where a test says nothing, and what the numbers in tests are for."""


def examples(usual: int) -> int:
    """Return a test's number of examples in the profile of this run, given its usual number."""
    return usual * settings.default.max_examples // USUAL
