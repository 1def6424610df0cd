from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from slimbench.gate.cases import Pair
from slimbench.gate.provenance import retrained
from tests.gate import runs


def stored(store: Path, key: str, recipe: Any) -> str:
    folder = store / "objects" / key[:2] / key
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text(json.dumps({"key": key, "recipe": recipe}))
    return f"objects/{key[:2]}/{key}/model.tflite"


def said(store: Path, before: dict[str, Any], after: dict[str, Any]) -> str:
    sides = runs.side(before), runs.side(after)
    return retrained(Pair(sides[0].entries[0], sides[1].entries[0]), *sides, store)


@pytest.fixture
def two(tmp_path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Two runs of one recipe with another TensorFlow."""
    before, after = runs.run(), runs.other_file(runs.run())
    runs.change(before, model_file=stored(tmp_path, "aa11", {"step": "Train"}))
    runs.change(after, model_file=stored(tmp_path, "bb22", {"step": "Train"}))
    after["slimbench"]["versions"]["tensorflow"] = "2.22.0"
    return before, after


def test_the_same_object_with_other_bytes_was_built_again(tmp_path: Path) -> None:
    before = runs.run()
    after = runs.change(runs.run(), model_sha256="1" * 64)
    assert said(tmp_path, before, after).startswith("retrained: the same chain")
    assert said(tmp_path, before, before) == ""


def test_the_same_recipe_with_other_versions_says_which(
    tmp_path: Path, two: tuple[dict[str, Any], dict[str, Any]]
) -> None:
    assert "tensorflow 2.21.0 to 2.22.0" in said(tmp_path, *two)


def test_changed_code_seed_or_recipe_is_no_mere_retraining(
    tmp_path: Path, two: tuple[dict[str, Any], dict[str, Any]]
) -> None:
    before, after = two
    after["commit_info"]["id"] = "0" * 40
    assert said(tmp_path, before, after) == ""
    after["commit_info"]["id"] = before["commit_info"]["id"]
    after["commit_info"]["dirty"] = True
    assert said(tmp_path, before, after) == ""
    after["commit_info"]["dirty"] = False
    after["slimbench"]["seed"] = 1
    assert said(tmp_path, before, after) == ""
    after["slimbench"]["seed"] = 0
    runs.change(after, model_file=stored(tmp_path, "cc33", {"step": "Prune"}))
    assert said(tmp_path, before, after) == ""


def test_a_store_that_has_neither_says_nothing(
    tmp_path: Path, two: tuple[dict[str, Any], dict[str, Any]]
) -> None:
    assert said(tmp_path / "other", *two) == ""
