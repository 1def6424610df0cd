"""A test, of anything, whose parameter happens to have the name of the benchmarks'."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize("case", ["upper", "lower"])
def test_letters(case: str) -> None:
    assert getattr("a", case)().islower() == (case == "lower")
