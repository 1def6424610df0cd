"""The examples of property tests are the same each time, unless they are to be random."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st


def drawn() -> list[tuple[int, str]]:
    found = []

    @given(st.integers(), st.text())
    def property_of_nothing(number: int, text: str) -> None:
        found.append((number, text))

    property_of_nothing()
    return found


def test_examples_do_not_depend_on_what_else_is_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not settings.default.derandomize:
        pytest.skip("they are random")
    before = drawn()
    code = "\n".join(f"N{each} = {each * 1_000_003}\nT{each} = 'text {each}'" for each in range(99))
    (tmp_path / "full_of_constants.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    importlib.import_module("full_of_constants")
    try:
        assert drawn() == before
    finally:
        del sys.modules["full_of_constants"]
