from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from slimbench.engines.tensors import Encoder, Quantization, pixel_table
from slimbench.pixels import MODES, as_floats, guess, luminance, values

IMAGES = hnp.arrays(np.uint8, st.tuples(st.integers(1, 5), st.integers(1, 5), st.just(3)))

EXACT = {
    "raw": Fraction,
    "0..1": lambda pixel: Fraction(pixel, 255),
    "-1..1": lambda pixel: Fraction(2 * pixel, 255) - 1,
}


@given(IMAGES)
def test_each_mode_is_the_arithmetic_that_its_users_write(image):
    real = image.astype(np.float64)
    assert np.array_equal(as_floats(image, "raw"), image.astype(np.float32))
    np.testing.assert_allclose(as_floats(image, "0..1"), real / 255, rtol=1e-7)
    np.testing.assert_allclose(as_floats(image, "-1..1"), real / 127.5 - 1, rtol=1e-6, atol=1e-8)
    shares = (real / 255 - np.array([0.485, 0.456, 0.406])) / np.array([0.229, 0.224, 0.225])
    np.testing.assert_allclose(as_floats(image, "torch"), shares, rtol=1e-5, atol=1e-6)
    blue_green_red = real[:, :, [2, 1, 0]] - np.array([103.939, 116.779, 123.68])
    np.testing.assert_allclose(as_floats(image, "caffe"), blue_green_red, rtol=1e-6)
    assert all(as_floats(image, mode).dtype == np.float32 for mode in MODES)


@given(IMAGES)
def test_luminance_is_pillows(image):
    expected = np.asarray(Image.fromarray(image).convert("L"))
    assert np.array_equal(luminance(image)[..., 0], expected)


def test_caffe_needs_the_three_channels_that_it_has_means_of():
    for mode, channels in itertools.product(("caffe", "torch"), (1, 4)):
        with pytest.raises(ValueError, match=f"of 3 channels, its input has {channels}"):
            values(mode, channels)


@given(
    st.sampled_from(["raw", "0..1", "-1..1"]),
    st.floats(2**-12, 4, width=32),
    st.integers(-200, 300),
    st.sampled_from(["int8", "uint8", "int16"]),
)
def test_a_quantised_pixel_is_the_exact_formula_of_what_it_stands_for(
    mode, scale, zero_point, dtype
):
    limits = np.iinfo(dtype)
    table = pixel_table(Quantization(scale, zero_point, np.dtype(dtype)), mode)
    for pixel in range(256):
        steps = EXACT[mode](pixel) / Fraction(scale)
        exact = min(max(round(steps) + zero_point, limits.min), limits.max)
        # v / 255 is no float, so a quotient that is nearly a half may fall to either side.
        near_half = mode != "raw" and abs(abs(steps - round(steps)) - Fraction(1, 2)) < 1e-9
        assert table[pixel] == exact or (near_half and abs(int(table[pixel]) - exact) == 1)


@given(IMAGES, st.sampled_from(MODES), st.floats(2**-9, 2, width=32), st.integers(-128, 127))
def test_an_encoded_image_is_its_floats_quantised(image, mode, scale, zero_point):
    shape = (1, *image.shape)
    quantization = Quantization(scale, zero_point, np.dtype(np.int8))
    assert np.array_equal(Encoder(shape, None, mode)(image)[0], as_floats(image, mode))
    encoded = Encoder(shape, quantization, mode)(image)
    assert encoded.shape == shape
    assert encoded.dtype == np.int8
    steps = as_floats(image, mode) / np.float64(scale) + zero_point
    assert np.abs(np.clip(steps, -128, 127) - encoded[0]).max() <= 0.5 + 1e-3


@pytest.mark.parametrize(
    ("scale", "zero_point", "dtype", "mode"),
    [
        (1.0, 0, "uint8", "raw"),
        (1.0, -128, "int8", "raw"),
        (1.0, 0, "int8", None),  # -128..127: as wide as pixels, and off them
        (1 / 255, 0, "uint8", "0..1"),
        (1 / 256, -128, "int8", "0..1"),
        (1 / 128, 128, "uint8", "-1..1"),
        (2 / 255, -1, "int8", "-1..1"),
        (0.0185, 114, "uint8", "torch"),  # -2.1..2.6: of ImageNet's mean and deviation
        (0.016, -5, "int8", None),  # -2..2.1: of CIFAR-10's
        (0.0127, -95, "int8", None),  # -0.4..2.8: of MNIST's
    ],
)
def test_the_mode_is_guessed_from_the_range_of_a_quantised_input(scale, zero_point, dtype, mode):
    assert guess(*Quantization(scale, zero_point, np.dtype(dtype)).real_range) == mode


@given(
    st.sampled_from(["raw", "0..1", "-1..1"]),
    st.sampled_from(["int8", "uint8"]),
    st.floats(0.97, 1.1),
    st.floats(-0.03, 0.03),
)
def test_a_range_that_calibration_found_nearly_whole_is_still_told(mode, dtype, wide, moved):
    real = values(mode, 3)
    width = (real.max() - real.min()) * wide
    low = real.min() + moved * width
    limits = np.iinfo(dtype)
    scale = width / (int(limits.max) - int(limits.min))
    zero_point = round(int(limits.min) - low / scale)
    assert guess(*Quantization(scale, zero_point, np.dtype(dtype)).real_range) == mode
