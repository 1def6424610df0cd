from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from slimbench import datasets
from slimbench.spec import EVALUATION_FILE, DataSet, Splits, Workplace
from slimbench.steps import images
from slimbench.steps.images import Images


def quiet(done: float, total: float, note: str = "") -> None:
    """Nobody watches."""


@pytest.fixture
def splits():
    """Twelve different images, four a split."""
    pixels = np.random.default_rng(0).integers(0, 256, (12, 4, 4, 3)).astype(np.uint8)
    labels = np.arange(12, dtype=np.int64) % 2
    parts = [(pixels[start : start + 4], labels[start : start + 4]) for start in (0, 4, 8)]
    return Splits(*parts)


@pytest.fixture
def write(monkeypatch, tmp_path):
    """Run the step on splits that are given, and return its folder."""

    def run(splits):
        dataset = DataSet("toy", ("no", "yes"), (4, 4, 3), (), lambda: splits)
        monkeypatch.setattr(datasets, "get", {"toy": dataset}.__getitem__)
        Images("toy").run(Workplace((), tmp_path, 0, quiet))
        return tmp_path

    return run


def test_what_is_written_is_what_is_read(write, splits):
    folder = write(splits)
    for read, (pixels, labels) in (
        (images.training_images, splits.train),
        (images.validation_images, splits.validation),
    ):
        assert np.array_equal(read(folder)[0], pixels)
        assert np.array_equal(read(folder)[1], labels)
    with np.load(folder / EVALUATION_FILE) as test:
        assert np.array_equal(test["images"], splits.test[0])
        assert np.array_equal(test["labels"], splits.test[1])
        assert test["classes"].tolist() == ["no", "yes"]


@pytest.mark.parametrize("one", ["train", "validation"])
def test_a_test_image_seen_in_building_is_refused_whatever_its_label(write, splits, one):
    pixels, labels = getattr(splits, one)
    leaked = pixels.copy()
    leaked[1] = splits.test[0][2]
    with pytest.raises(ValueError, match=f"1 {one} images of toy are among its test images"):
        write(dataclasses.replace(splits, **{one: (leaked, 1 - labels)}))


def test_an_image_in_both_training_and_validation_is_refused(write, splits):
    pixels, labels = splits.validation
    leaked = pixels.copy()
    leaked[1] = splits.train[0][2]
    with pytest.raises(ValueError, match="1 train images of toy are among its validation images"):
        write(dataclasses.replace(splits, validation=(leaked, labels)))


def test_nothing_is_written_for_splits_that_are_refused(write, splits, tmp_path):
    with pytest.raises(ValueError, match="4 train images"):
        write(dataclasses.replace(splits, train=splits.test))
    assert list(tmp_path.iterdir()) == []
