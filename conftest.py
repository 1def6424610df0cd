"""Loads the suite's plugins; each lives in `fixtures` and says there what it does."""

pytest_plugins = [
    "fixtures.options",
    "fixtures.case",
    "fixtures.serving",
    "fixtures.verdict",
    "fixtures.lines",
    "fixtures.history",
]
