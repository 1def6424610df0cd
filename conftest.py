"""Loads the suite's plugins; each lives in `fixtures` and says there what it does."""

import sys
from pathlib import Path

# With --import-mode=importlib pytest does not make this folder importable.
if str(Path(__file__).parent) not in sys.path:
    sys.path.insert(0, str(Path(__file__).parent))

pytest_plugins = [
    "fixtures.options",
    "fixtures.case",
    "fixtures.serving",
    "fixtures.verdict",
    "fixtures.lines",
    "fixtures.history",
]
