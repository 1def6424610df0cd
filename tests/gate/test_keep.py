from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import pytest

from bench.gate.keep import Keep, KeepError, keep_at

CONTENT = b"a model" * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture(params=["folder", "address"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Keep:
    if request.param == "folder":
        return keep_at(str(tmp_path / "models"))
    pytest.importorskip("fsspec")
    return keep_at(f"local://{tmp_path / 'models'}")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "model.tflite"
    path.write_bytes(CONTENT)
    return path


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_model_is_kept_once_by_its_hash_and_had_again(
    place: Keep, model: Path, tmp_path: Path
) -> None:
    assert not place.has(SHA256)
    assert place.put(model, SHA256)
    assert files(tmp_path / "models") == [f"{SHA256}.tflite"]
    assert place.has(SHA256)
    assert not place.put(model, SHA256)
    assert place.fetch(SHA256, tmp_path / "again.tflite")
    assert (tmp_path / "again.tflite").read_bytes() == CONTENT


def test_a_changed_source_is_not_kept(place: Keep, model: Path, tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    model.write_bytes(CONTENT + b"!")
    with pytest.raises(KeepError, match=r"model\.tflite is not the model that was measured"):
        place.put(model, SHA256)
    assert files(tmp_path / "models") == []


def test_a_damaged_copy_is_replaced_by_a_good_one(place: Keep, model: Path, tmp_path: Path) -> None:
    place.put(model, SHA256)
    kept = tmp_path / "models" / f"{SHA256}.tflite"
    kept.write_bytes(CONTENT[:100])
    assert not place.has(SHA256)
    assert place.put(model, SHA256)
    assert kept.read_bytes() == CONTENT


def test_a_damaged_copy_is_never_handed_out(place: Keep, model: Path, tmp_path: Path) -> None:
    place.put(model, SHA256)
    (tmp_path / "models" / f"{SHA256}.tflite").write_bytes(b"")
    target = tmp_path / "out" / "again.tflite"
    target.parent.mkdir()
    with pytest.raises(KeepError, match=SHA256):
        place.fetch(SHA256, target)
    assert files(target.parent) == []


def test_what_is_not_there_is_not_had(place: Keep, tmp_path: Path) -> None:
    assert not place.fetch(SHA256, tmp_path / "again.tflite")
    assert not (tmp_path / "again.tflite").exists()


def test_a_place_that_cannot_be_written_is_named(place: Keep, model: Path, tmp_path: Path) -> None:
    (tmp_path / "models").write_text("in the way")
    with pytest.raises(KeepError, match=r"models.*another location with --models"):
        place.put(model, SHA256)
    assert (tmp_path / "models").read_text() == "in the way"


def test_an_address_without_fsspec_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(
        KeepError, match=r"s3://bucket/models.*fsspec.*Install it, or name a folder"
    ):
        keep_at("s3://bucket/models")


def test_an_address_that_nobody_knows_is_refused() -> None:
    pytest.importorskip("fsspec")
    with pytest.raises(KeepError, match="nowhere://models cannot be used"):
        keep_at("nowhere://models")
