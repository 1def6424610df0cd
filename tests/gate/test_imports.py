from __future__ import annotations

import subprocess
import sys

from slimbench.paths import CODE

JUDGES = """
import importlib, pkgutil, sys
import slimbench.gate
for module in pkgutil.walk_packages(slimbench.gate.__path__, "slimbench.gate."):
    if module.name != "slimbench.gate.worker":
        importlib.import_module(module.name)
import slimbench.commands.gate
assert "slimbench.gate.judge" in sys.modules
heavy = {"pytest", "_pytest", "pytest_benchmark", "tensorflow", "tf_keras", "ai_edge_litert"}
print(sorted(heavy & set(sys.modules)))
"""

WORKER = """
import sys
import slimbench.gate.worker
slimbench.gate.worker.engine_with("litert", {})
heavy = {"pytest", "_pytest", "tensorflow", "tf_keras", "scipy", "rich", "jsonschema", "tabulate"}
print(sorted(heavy & set(sys.modules)), "ai_edge_litert" in sys.modules)
"""

COMMAND = """
import sys
import slimbench.commands.gate
print("scipy.stats" in sys.modules)
"""


def said(program: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", program], cwd=CODE, capture_output=True, text=True, check=True
    ).stdout.strip()


def test_judging_needs_neither_pytest_nor_tensorflow_nor_a_runtime() -> None:
    assert said(JUDGES) == "[]"


def test_the_process_that_times_imports_the_engine_alone() -> None:
    assert said(WORKER) == "[] True"


def test_other_commands_do_not_wait_for_the_statistics() -> None:
    assert said(COMMAND) == "False"
