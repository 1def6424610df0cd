"""Imports within the library go downwards only, so that there is no circle among packages."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from slimbench.paths import CODE

LAYERS = (
    (
        "errors",
        "atomic_write",
        "cores",
        "environment",
        "exit_with_parent",
        "mcnemar",
        "number_format",
    ),
    ("paths",),
    ("spec", "child_process"),
    ("pixels",),
    ("progress", "suite", "tflite"),
    ("_suite", "networks", "build", "history"),
    ("datasets", "engines"),
    ("measurement",),
    ("steps", "serving"),
    ("metrics",),
    ("budgets", "report"),
    ("gate", "compare"),
    ("choose", "trend", "calibrate", "export", "user_models"),
    ("run", "webapp", "init"),
    ("pytest_suite",),
    ("commands", "plugin"),
    ("cli",),
)
"""The modules and packages of `slimbench`, the lowest first; none imports another of its layer."""

LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}

FILES = sorted((CODE / "slimbench").rglob("*.py"))


def part(module: str) -> str:
    """Return the package or top-level module of `slimbench` that a dotted name belongs to."""
    return module.split(".")[1]


def imports(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module == "slimbench":
            yield from (f"slimbench.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert not node.level, "relative imports hide the package"
            yield node.module


def test_every_module_has_a_layer() -> None:
    names = {part(f"slimbench.{path.stem}") for path in (CODE / "slimbench").glob("*.py")}
    folders = {path.parent.name for path in (CODE / "slimbench").glob("*/__init__.py")}
    assert names - {"__init__"} | folders == set(LEVEL)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(CODE)))
def test_a_module_imports_from_lower_layers_only(path) -> None:
    package = path.relative_to(CODE / "slimbench").with_suffix("").parts[0]
    if package == "__init__":
        return
    used = {part(name) for name in imports(path.read_text()) if name.startswith("slimbench.")}
    upwards = {name for name in used - {package} if LEVEL[name] >= LEVEL[package]}
    assert not upwards, f"{package} stands below or beside {', '.join(sorted(upwards))}"


def test_the_library_imports_nothing_of_a_suite() -> None:
    for path in FILES:
        roots = {name.split(".")[0] for name in imports(path.read_text())}
        assert not roots & {"bench", "fixtures", "tests"}, path
