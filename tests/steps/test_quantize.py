from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slimbench.steps.quantize import Quantize, calibration_images
from tests.build.sample_steps import Sample

MODEL, IMAGES = Sample("model", ""), Sample("images", "")


@pytest.mark.parametrize("recipe", ["f16", "dynamic_wi8"])
def test_only_static_quantisation_takes_calibration_images(recipe):
    Quantize(MODEL, recipe)
    with pytest.raises(ValueError, match=f"{recipe}: calibration images go with static_wi8_ai8"):
        Quantize(MODEL, recipe, IMAGES)


def test_static_quantisation_needs_calibration_images():
    Quantize(MODEL, "static_wi8_ai8", IMAGES)
    with pytest.raises(ValueError, match="calibration images"):
        Quantize(MODEL, "static_wi8_ai8")


@given(
    labels=st.lists(st.integers(0, 4), min_size=1, max_size=40),
    per_class=st.integers(1, 6),
)
def test_calibration_shows_the_first_of_each_class_and_both_ends(labels, per_class):
    pixels = np.full((len(labels), 2, 2, 3), 100, np.uint8)
    pixels[:, 0, 0, 0] = np.arange(len(labels))  # which image it is
    shown = calibration_images(pixels, np.array(labels), per_class)
    assert shown.dtype == np.uint8
    ends = [image for image in shown if image.min() == image.max()]
    assert sorted(int(image[0, 0, 0]) for image in ends) == [0, 255]
    picked = sorted(int(image[0, 0, 0]) for image in shown if image.min() != image.max())
    first = [index for index, label in enumerate(labels) if labels[:index].count(label) < per_class]
    assert picked == first
