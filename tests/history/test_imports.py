from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import slimbench

PROGRAM = """
import importlib, pkgutil, sys
import slimbench.history, slimbench.report
for package in (slimbench.history, slimbench.report):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        importlib.import_module(module.name)
assert "slimbench.report.scatter" in sys.modules
heavy = {"pytest", "_pytest", "pytest_benchmark", "tensorflow", "tf_keras", "ai_edge_litert"}
print(sorted(heavy & set(sys.modules)), "matplotlib.pyplot" in sys.modules)
"""

LIGHT = """
import sys
import slimbench.history.select, slimbench.history.write
import slimbench.report.charts, slimbench.report.table
print("matplotlib" in sys.modules)
"""


def said(program: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", program],
        cwd=Path(slimbench.__file__).parents[1],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()


def test_neither_pytest_nor_tensorflow_is_needed_to_read_and_report() -> None:
    assert said(PROGRAM) == "[] False"


def test_a_table_does_not_wait_for_the_charts_library() -> None:
    assert said(LIGHT) == "False"
