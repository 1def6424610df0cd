from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from sklearn.datasets import load_digits

from slimbench import datasets
from slimbench.build.store import Store
from slimbench.errors import UsageProblem
from slimbench.spec import EVALUATION_FILE
from slimbench.steps import images
from slimbench.steps.images import Images
from slimbench.steps.quantize import calibration_images
from tests.build.recorder import made
from tests.steps.tensorflow_steps import evaluation_split

SPLITS = ("train", "validation", "test")


@pytest.fixture(scope="module")
def splits():
    return datasets.get("digits").load()


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """The folder that the step `Images` writes for the digits."""
    store = Store(tmp_path_factory.mktemp("store"))
    store.prepare()
    step = Images("digits")
    return made(store, step)[0].results[step].folder


def contents(pixels):
    return {image.tobytes() for image in pixels}


def test_every_digit_is_in_one_split(splits):
    sizes = {name: len(getattr(splits, name)[0]) for name in SPLITS}
    assert sizes["test"] == 500
    assert sum(sizes.values()) == 1797
    labels = np.concatenate([getattr(splits, name)[1] for name in SPLITS])
    assert np.bincount(labels).tolist() == np.bincount(load_digits().target).tolist()


@pytest.mark.parametrize("name", SPLITS)
def test_images_are_pixels_and_labels_are_classes(splits, name):
    dataset = datasets.get("digits")
    pixels, labels = getattr(splits, name)
    assert pixels.dtype == np.uint8
    assert pixels.shape == (len(labels), *dataset.input_shape) == (len(labels), 32, 32, 3)
    assert pixels.flags.c_contiguous
    assert labels.dtype == np.int64
    assert sorted(set(labels.tolist())) == list(range(len(dataset.classes)))


@pytest.mark.parametrize("name", SPLITS)
def test_each_class_has_its_share_of_every_split(splits, name):
    labels = getattr(splits, name)[1]
    proportional = np.bincount(load_digits().target) * (len(labels) / 1797)
    assert np.abs(np.bincount(labels, minlength=10) - proportional).max() < 1


@pytest.mark.parametrize(("one", "other"), [*combinations(SPLITS, 2)])
def test_no_image_is_in_two_splits(splits, one, other):
    assert contents(getattr(splits, one)[0]).isdisjoint(contents(getattr(splits, other)[0]))


def test_an_image_is_the_scan_it_was_enlarged_from(splits):
    """Shrunk again, each image is nearest to a scan of its own label."""
    pixels, labels = splits.test
    small = pixels[..., 0].reshape(-1, 8, 4, 8, 4).mean(axis=(2, 4)).reshape(len(pixels), -1)
    scans = load_digits()
    flat = scans.images.reshape(1797, -1) * (255 / 16)
    nearest = ((small[:, np.newaxis] - flat) ** 2).sum(axis=-1).argmin(axis=1)
    assert (scans.target[nearest] == labels).all()
    assert len(set(nearest.tolist())) == 500


def test_ink_is_bright_on_black_and_grey(splits):
    pixels, _ = splits.train
    assert pixels.min() == 0
    assert pixels.max() == 255
    assert (pixels[..., 0] == pixels[..., 1]).all()
    assert (pixels[..., 0] == pixels[..., 2]).all()


def test_the_split_is_the_same_every_time(splits):
    again = datasets.get("digits").load()
    for name in SPLITS:
        for one, other in zip(getattr(splits, name), getattr(again, name), strict=True):
            assert np.array_equal(one, other)


def test_what_is_stored_is_what_was_split(splits, stored):
    assert np.array_equal(images.training_images(stored)[0], splits.train[0])
    assert np.array_equal(images.training_images(stored)[1], splits.train[1])
    assert np.array_equal(images.validation_images(stored)[0], splits.validation[0])
    assert np.array_equal(images.validation_images(stored)[1], splits.validation[1])
    with np.load(stored / EVALUATION_FILE) as file:
        pixels, labels, classes = (file[name] for name in ("images", "labels", "classes"))
    assert np.array_equal(pixels, splits.test[0])
    assert np.array_equal(labels, splits.test[1])
    assert tuple(classes) == tuple("0123456789")
    assert pixels.dtype == np.uint8
    with np.load(stored / EVALUATION_FILE) as file:
        assert set(file.files) == {"images", "labels", "classes"}


def test_calibration_sees_training_images_and_both_ends_alone(stored):
    """What a quantised model is scored on must not have set its ranges."""
    pixels, labels = images.training_images(stored)
    shown = calibration_images(pixels, labels, per_class=10)
    assert shown.shape == (102, 32, 32, 3)
    assert shown.dtype == np.uint8
    even = (shown == shown[:, :1, :1, :1]).all(axis=(1, 2, 3))
    assert sorted(shown[even][:, 0, 0, 0].tolist()) == [0, 255]
    assert contents(shown[~even]) <= contents(pixels)
    evaluated = contents(evaluation_split(stored)[0])
    assert contents(shown).isdisjoint(evaluated)
    assert contents(shown).isdisjoint(contents(images.validation_images(stored)[0]))
    classes = {image.tobytes(): label for image, label in zip(pixels, labels, strict=True)}
    counts = np.bincount([classes[image.tobytes()] for image in shown[~even]])
    assert counts.tolist() == [10] * 10


def test_an_unknown_data_set_is_said_with_what_exists():
    with pytest.raises(UsageProblem, match=r"no data set 'digit'.*digits"):
        datasets.get("digit")
