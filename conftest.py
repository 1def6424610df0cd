"""Loads what makes these tests a suite: slimbench's part in pytest, and the fixtures."""

import sys
from pathlib import Path

# With --import-mode=importlib pytest does not make this folder importable.
if str(Path(__file__).parent) not in sys.path:
    sys.path.insert(0, str(Path(__file__).parent))

pytest_plugins = [
    "slimbench.pytest_suite.options",
    "slimbench.pytest_suite.cases",
    "slimbench.pytest_suite.progress_lines",
    "slimbench.pytest_suite.saving",
    "fixtures.case",
    "fixtures.verdict",
]
