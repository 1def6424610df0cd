from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from slimbench.build.store import Store
from slimbench.errors import UsageProblem
from slimbench.gate.model_files import Files
from slimbench.spec import Unmeasured
from tests.gate import runs


@pytest.fixture
def made(tmp_path: Path) -> dict[str, Any]:
    model = tmp_path / "model.tflite"
    model.write_bytes(b"weights")
    return runs.with_model(runs.run(), model, tmp_path / "models")


def find(files: Files, made: dict[str, Any]) -> Path | Unmeasured:
    side = runs.side(made)
    return files.find(side.entries[0], side)


def why(found: Path | Unmeasured) -> str:
    assert isinstance(found, Unmeasured)
    return found.reason


def stored(store: Path, made: dict[str, Any], content: bytes) -> Path:
    path = store / made["benchmarks"][0]["extra_info"]["model_file"]
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    return path


def test_the_store_s_file_is_taken_where_it_has_the_hash(tmp_path: Path, made: dict) -> None:
    path = stored(tmp_path / "store", made, b"weights")
    assert find(Files(tmp_path / "store"), made) == path.resolve()


def test_a_file_is_found_by_its_hash_under_another_key(tmp_path: Path, made: dict) -> None:
    """As after the keys changed, or where the same model was made by another recipe."""
    store = Store(tmp_path / "store")
    store.prepare()
    key = "ab" * 32
    with store.lock(key), store.writing(key, "the same", {}) as folder:
        (folder / "model.tflite").write_bytes(b"weights")
    found = find(Files(store.root), made)
    assert found == store.root / "objects" / "ab" / key / "model.tflite"


def test_a_damaged_file_is_passed_over_for_a_good_one(tmp_path: Path, made: dict) -> None:
    stored(tmp_path / "store", made, b"weightz")
    found = find(Files(tmp_path / "store", tmp_path / "models"), made)
    assert isinstance(found, Path)
    assert found.parent == tmp_path / "models"
    assert "has other contents" in why(find(Files(tmp_path / "store"), made))


def test_where_there_is_none_the_command_that_rebuilds_it_is_told(
    tmp_path: Path, made: dict
) -> None:
    said = why(find(Files(tmp_path / "store"), made))
    assert "not in the store" in said
    assert "commit f0c7a1d2b3e4" in said
    assert "make bench PROFILE=digits K=resnet50_f32" in said


def test_a_users_own_file_is_built_from_no_commit(tmp_path: Path, made: dict) -> None:
    for entry in made["benchmarks"]:
        entry["extra_info"]["profile"] = "own"
    made["slimbench"]["profile"] = "own"
    said = why(find(Files(tmp_path / "store"), made))
    assert "or take in the very same file of resnet50_f32 again: slimbench run" in said
    assert "commit" not in said
    assert "make" not in said


@pytest.mark.parametrize("elsewhere", ["../outside.tflite", "{absolute}"])
def test_a_history_cannot_have_a_file_outside_the_store_opened(
    tmp_path: Path, made: dict, elsewhere: str
) -> None:
    outside = tmp_path / "outside.tflite"
    outside.write_bytes(b"weights")
    runs.change(made, model_file=elsewhere.format(absolute=outside))
    (tmp_path / "store").mkdir()
    assert isinstance(find(Files(tmp_path / "store"), made), Unmeasured)


def test_what_is_kept_elsewhere_is_fetched_once(tmp_path: Path, made: dict) -> None:
    fetched = []

    def fetch(sha256: str, target: Path) -> bool:
        fetched.append(sha256)
        target.write_bytes(b"weights")
        return True

    (tmp_path / "fetched").mkdir()
    files = Files(tmp_path / "store", tmp_path / "fetched", fetch)
    assert isinstance(find(files, made), Path)
    assert isinstance(find(files, made), Path)
    assert len(fetched) == 1


def test_a_place_that_cannot_be_reached_is_told(tmp_path: Path, made: dict) -> None:
    def fetch(sha256: str, target: Path) -> bool:
        raise UsageProblem(f"Models cannot be had: {sha256[:3]} {target.name[:3]}.")

    said = why(find(Files(tmp_path / "store", tmp_path, fetch), made))
    assert "Models cannot be had" in said
