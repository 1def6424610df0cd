from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from slimbench import cli
from slimbench.datasets.digits import DATASET
from slimbench.spec import Splits


@pytest.fixture(scope="module")
def digits() -> Splits:
    return DATASET.load()


@pytest.fixture(scope="module")
def shared_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("store")


@pytest.fixture(autouse=True)
def store(shared_store: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SLIMBENCH_STORE", str(shared_store))
    return shared_store


def test_the_file_holds_what_is_scored(
    tmp_path: Path, digits: Splits, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "evaluation.npz"
    assert cli.main(["data", "digits", "--variant", "resnet50_f32", "--out", str(out)]) == 0
    with np.load(out, allow_pickle=False) as file:
        assert set(file) == {"images", "labels", "classes", "eval_sha256"}
        assert (file["images"].dtype, file["labels"].dtype) == (np.uint8, np.int64)
        np.testing.assert_array_equal(file["images"], digits.test[0])
        np.testing.assert_array_equal(file["labels"], digits.test[1])
        assert file["classes"].tolist() == list(DATASET.classes)
        both = digits.test[0].tobytes() + digits.test[1].tobytes()
        sha256 = hashlib.sha256(both).hexdigest()
        assert str(file["eval_sha256"]) == sha256
    assert sha256 in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == [out]


def test_a_second_file_is_the_same_and_replaces_the_first(tmp_path: Path) -> None:
    out = tmp_path / "evaluation.npz"
    out.write_text("an older one")
    assert cli.main(["data", "digits", "--out", str(out)]) == 0
    with np.load(out) as file:
        assert len(file["images"]) == 500


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["nope", "--out", "x.npz"],
            "There is no profile 'nope'. There is: cifar10, ",
        ),
        (["quick", "--variant", "f64", "--out", "x.npz"], "There is no variant 'f64'. There is: "),
        (["quick", "--out", "nowhere/x.npz"], "nowhere/x.npz cannot be written"),
        (["quick", "--out", "."], ". cannot be written"),
    ],
)
def test_what_cannot_be_is_said_and_nothing_is_written(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(["data", *arguments]) == 2
    assert capsys.readouterr().err.startswith(f"slimbench data: {said}")
    assert list(tmp_path.iterdir()) == []


def test_an_older_file_outlives_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "evaluation.npz"
    out.write_text("an older one")

    def savez(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", savez)
    assert cli.main(["data", "digits", "--out", str(out)]) == 2
    assert "No space left on device" in capsys.readouterr().err
    assert out.read_text() == "an older one"
    assert list(tmp_path.iterdir()) == [out]
