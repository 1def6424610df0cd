"""The generated files hold whatever paths a user has, and are Python and TOML."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

import pytest

from slimbench.init.suite import plan_suite
from tests.user_models.colours import colour_model


@pytest.mark.parametrize("inside", [True, False])
@pytest.mark.parametrize("folder", ["it's here", 'the "new" one', "back\\slash", "dépôt $name"])
def test_any_path_is_written_as_python_has_it(tmp_path: Path, folder: str, inside: bool) -> None:
    project = tmp_path / "project"
    model = (project if inside else tmp_path) / folder / "mine.tflite"
    model.parent.mkdir(parents=True)
    colour_model(model)
    suite = plan_suite(project, model, None)
    variants = ast.parse(suite.files[project / "bench" / "variants" / "mine.py"])
    strings = {node.value for node in ast.walk(variants) if isinstance(node, ast.Constant)}
    assert (f"{folder}/mine.tflite" if inside else str(model.resolve())) in strings
    assert tomllib.loads(suite.files[project / "bench" / "profiles.toml"])["mine"]
    assert tomllib.loads(suite.files[project / "bench" / "budgets.toml"])["mine"]
