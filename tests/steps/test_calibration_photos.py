from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slimbench.spec import Workplace
from slimbench.steps import images
from slimbench.steps.calibration_photos import CROPS, CalibrationPhotos, cropped
from slimbench.steps.quantize import calibration_images
from tests.examples import examples
from tests.steps.test_images import quiet

RED, BLUE = 0, 2


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    CalibrationPhotos(48, 64).run(Workplace((), folder, 0, quiet))
    return folder


def test_calibration_takes_every_crop_and_both_ends(folder):
    shown = calibration_images(*images.training_images(folder), 10)
    assert shown.shape == (CROPS + 2, 48, 64, 3)
    assert shown.dtype == np.uint8


def test_there_is_nothing_to_validate_on(folder):
    pixels, labels = images.validation_images(folder)
    assert pixels.shape == (0, 48, 64, 3)
    assert labels.shape == (0,)


def test_the_crops_are_photographs_that_differ(folder):
    crops, _ = images.training_images(folder)
    assert len(np.unique(crops, axis=0)) == CROPS
    assert all(crop.std() > 5 for crop in crops)
    means = crops.mean(axis=(1, 2))
    assert np.ptp(means[:, RED] - means[:, BLUE]) > 50  # a blue sky and a yellow flower


def test_neither_the_seed_nor_the_day_changes_them(folder, tmp_path):
    CalibrationPhotos(48, 64).run(Workplace((), tmp_path, 5, quiet))
    ours, theirs = (images.training_images(each)[0] for each in (folder, tmp_path))
    assert np.array_equal(ours, theirs)


@settings(max_examples=examples(20))
@given(height=st.integers(1, 60), width=st.integers(1, 60))
def test_a_crop_has_any_size_and_comes_from_the_photograph_whole(height, width):
    grey = np.full((30, 40, 3), 7, np.uint8)
    striped = np.tile(np.arange(40, dtype=np.uint8)[:, None] * 6, (30, 1, 3))
    crops = cropped([grey, striped], 8, height, width)
    assert crops.shape == (8, height, width, 3)
    assert (crops[::2] == 7).all()
    assert crops[1::2].max() <= 39 * 6 + 6


def test_some_crops_are_mirrored_and_some_are_not():
    rising = np.tile(np.linspace(0, 255, 64, dtype=np.uint8)[:, None], (48, 1, 3))
    crops = cropped([rising], 20, 24, 32)
    risen = crops[:, :, -1, 0].mean(axis=1) > crops[:, :, 0, 0].mean(axis=1)
    assert 0 < risen.sum() < 20
