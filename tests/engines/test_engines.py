from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from slimbench import engines
from slimbench.errors import UsageProblem


def test_litert_is_found_by_its_name():
    assert "litert" in engines.names()
    assert engines.get("litert").name == "litert"
    assert not engines.get("litert").needs_tensorflow


def test_an_unknown_engine_is_answered_with_those_that_exist():
    with pytest.raises(UsageProblem, match=r"'lightrt'.*litert"):
        engines.get("lightrt")


def test_listing_and_choosing_an_engine_never_imports_tensorflow():
    code = (
        "import sys; from slimbench import engines; engines.names(); engines.get('litert');"
        "sys.exit('tensorflow' in sys.modules)"
    )
    root = Path(engines.__file__).parents[2]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0
