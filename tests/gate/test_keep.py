from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import fsspec
import pytest

from slimbench.gate.model_files import Keep, KeepError, keep_at

CONTENT = b"a model" * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture(params=["folder", "address"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Keep:
    if request.param == "folder":
        return keep_at(str(tmp_path / "models"))
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


class Refusing(fsspec.AbstractFileSystem):
    """A place that answers nothing but an error of its own kind, as drivers have them."""

    protocol = "refusing"
    cachable = False
    error: Exception = PermissionError("the key has expired")

    def info(self, *_: object, **__: object) -> dict[str, object]:
        raise self.error


@pytest.fixture(
    params=[
        PermissionError("the key has expired"),
        RuntimeError("Unable to locate credentials"),
        TimeoutError(),
    ],
    ids=repr,
)
def refusal(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Have a place that refuses so; returns what is to be read of it."""
    fsspec.register_implementation("refusing", Refusing, clobber=True)
    monkeypatch.setattr(Refusing, "error", request.param)
    return str(request.param) or type(request.param).__name__


def test_what_is_not_a_folder_at_all_keeps_models_too(model: Path, tmp_path: Path) -> None:
    place = keep_at(f"memory://models-{tmp_path.name}")
    assert not place.has(SHA256)
    assert place.put(model, SHA256)
    assert not place.put(model, SHA256)
    assert place.fetch(SHA256, tmp_path / "again.tflite")
    assert (tmp_path / "again.tflite").read_bytes() == CONTENT
    kept = fsspec.filesystem("memory").ls(f"/models-{tmp_path.name}", detail=False)
    assert kept == [f"/models-{tmp_path.name}/{SHA256}.tflite"]


def test_a_place_that_cannot_be_asked_is_no_place_without_the_model(
    refusal: str, model: Path, tmp_path: Path
) -> None:
    place = keep_at("refusing://models")
    message = rf"refusing://models: {refusal}\. Mend that, or name another location"
    with pytest.raises(KeepError, match=message):
        place.fetch(SHA256, tmp_path / "again.tflite")
    with pytest.raises(KeepError, match=message):
        place.put(model, SHA256)


def test_a_copy_that_broke_off_leaves_nothing(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    local = fsspec.get_filesystem_class("local")
    put_whole = local.put_file

    def put_half(self: object, source: str, target: str) -> None:
        put_whole(self, source, target)
        Path(target).write_bytes(CONTENT[:50])

    monkeypatch.setattr(local, "put_file", put_half)
    with pytest.raises(KeepError, match="is not the model that was measured"):
        keep_at(f"local://{tmp_path / 'models'}").put(model, SHA256)
    assert files(tmp_path / "models") == []


def test_an_address_without_fsspec_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(
        KeepError,
        match=r's3://bucket/models.*pip install "slimbench\[remote\]", or name a folder',
    ):
        keep_at("s3://bucket/models")


def test_an_address_without_its_own_package_names_that(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(KeepError, match=r"s3://bucket/models needs one more package.*s3fs"):
        keep_at("s3://bucket/models")


def test_an_address_that_nobody_knows_is_refused() -> None:
    with pytest.raises(KeepError, match="nowhere://models cannot be used"):
        keep_at("nowhere://models")
