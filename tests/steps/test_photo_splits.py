"""A folder of `train/` and `test/` becomes splits, none of which shares an image with another."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from slimbench.build.store import Store
from slimbench.datasets.photos.errors import PhotoProblem
from slimbench.datasets.photos.source import open_photos
from slimbench.spec import EVALUATION_FILE, Workplace
from slimbench.steps import images
from slimbench.steps.images import SPLITS_FILE, FewImages, Images
from slimbench.steps.photos import of_splits

CLASSES = ("cat", "dog", "owl")
SHAPE = (32, 32, 3)


@pytest.fixture
def home(tmp_path):
    """A folder with 12 training and 5 test images of each class, all different."""
    rng = np.random.default_rng(0)
    for split, count in (("train", 12), ("test", 5)):
        for name in CLASSES:
            folder = tmp_path / "photos" / split / name
            folder.mkdir(parents=True)
            for number in range(count):
                pixels = rng.integers(0, 256, SHAPE, dtype=np.uint8)
                Image.fromarray(pixels).save(folder / f"{number}.png")
    return tmp_path


def step_for(home, validation=6):
    store = Store(home / "store")
    store.prepare()
    train, test = (
        open_photos(home / "photos", store, split=split, limit=None) for split in ("train", "test")
    )
    return of_splits("mine", SHAPE, validation, train=train, test=test)


def run(step, home, *inputs, name="out"):
    out = home / name
    out.mkdir()
    step.run(Workplace(inputs, out, 0, lambda *_: None))
    return out


def contents(pixels):
    return {image.tobytes() for image in pixels}


def test_neither_training_nor_calibration_has_a_test_image(home):
    out = run(step_for(home), home)
    train, train_labels = images.training_images(out)
    validation, validation_labels = images.validation_images(out)
    with np.load(out / EVALUATION_FILE) as evaluation:
        test, labels, classes = (evaluation[name] for name in ("images", "labels", "classes"))
    assert (len(train), len(validation), len(test)) == (30, 6, 15)
    assert tuple(classes) == CLASSES
    assert np.bincount(validation_labels).tolist() == [2, 2, 2]
    assert np.bincount(train_labels).tolist() == [10, 10, 10]
    assert np.bincount(labels).tolist() == [5, 5, 5]
    parts = [contents(train), contents(validation), contents(test)]
    assert len(set.union(*parts)) == 51


def test_a_test_image_among_the_training_images_is_refused(home):
    stray = home / "photos" / "train" / "dog" / "stray.png"
    stray.write_bytes((home / "photos" / "test" / "cat" / "0.png").read_bytes())
    with pytest.raises(ValueError, match="1 train images of mine are among its test images"):
        run(step_for(home, validation=1), home)


def test_splits_of_different_classes_are_refused(home):
    (home / "photos" / "test" / "owl").rename(home / "photos" / "test" / "newt")
    with pytest.raises(PhotoProblem, match="different classes: newt, owl"):
        step_for(home)


def test_images_that_changed_since_they_were_found_are_refused(home):
    step = step_for(home)
    (home / "photos" / "train" / "cat" / "3.png").unlink()
    with pytest.raises(PhotoProblem, match="changed since"):
        run(step, home)


def test_few_images_are_the_first_of_each_class_and_the_test_images_stay(home):
    whole = run(step_for(home), home)
    few = run(FewImages(Images("digits"), 3, 2), home, whole, name="few")
    train, labels = images.training_images(few)
    held_out, _ = images.validation_images(few)
    assert np.bincount(labels).tolist() == [3, 3, 3]
    assert len(held_out) == 6
    assert contents(train).isdisjoint(contents(held_out))
    assert contents(train) | contents(held_out) <= contents(images.training_images(whole)[0])
    assert (few / EVALUATION_FILE).read_bytes() == (whole / EVALUATION_FILE).read_bytes()
    assert (few / SPLITS_FILE).exists()
    with pytest.raises(ValueError, match="has not 12 training images"):
        run(FewImages(Images("digits"), 10, 2), home, whole, name="too_few")
