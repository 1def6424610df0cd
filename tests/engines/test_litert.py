from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slimbench.engines.litert import ENGINE
from slimbench.engines.tensors import Quantization, pixel_table
from tests.engines.edited_models import edited, open_size, unknown_operator
from tests.tiny_models import SHAPE, Quantized, first_pixels, identity_model, linear_model


def image_of(*first: int) -> np.ndarray:
    """A black image that begins with these values."""
    image = np.zeros(SHAPE, np.uint8)
    image.reshape(-1)[: len(first)] = first
    return image


def scores_of(model, image, threads=1, pixels="raw"):
    session = ENGINE.load(model, threads, pixels)
    session.feed(image)
    session.invoke()
    return session.scores()


@pytest.mark.parametrize("threads", [1, 2])
def test_a_float_model_gets_raw_pixels(tmp_path, threads):
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(5, 48)).astype(np.float32)
    image = rng.integers(0, 256, SHAPE, np.uint8)
    scores = scores_of(linear_model(tmp_path / "m.tflite", weights), image, threads)
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, weights @ image.reshape(-1), rtol=1e-4)


@pytest.mark.parametrize(("dtype", "zero_point"), [("int8", -64), ("uint8", 64)])
def test_a_quantised_model_rounds_halves_to_even_and_is_read_in_real_units(
    tmp_path, dtype, zero_point
):
    model = linear_model(
        tmp_path / "m.tflite", first_pixels(6), quantized=Quantized(dtype, 2.0, zero_point)
    )
    scores = scores_of(model, image_of(0, 1, 3, 5, 100, 255))
    # 255 / 2 = 127.5 becomes 128, and 1, 3, 5 become 0, 2, 2: round would say 1, 2, 3.
    assert scores.tolist() == [0, 0, 4, 4, 100, 256]
    assert scores.dtype == np.float32


def test_a_pixel_outside_the_quantised_range_is_clipped(tmp_path):
    model = linear_model(
        tmp_path / "m.tflite", first_pixels(3), quantized=Quantized("int8", 0.5, -128)
    )
    assert scores_of(model, image_of(10, 127, 255)).tolist() == [10, 127, 127.5]


@given(
    st.floats(2**-13, 2**13, width=32),
    st.integers(-(2**15), 2**16),
    st.sampled_from(["int8", "uint8", "int16"]),
)
def test_every_pixel_becomes_what_the_exact_formula_says(scale, zero_point, dtype):
    limits = np.iinfo(dtype)
    table = pixel_table(Quantization(scale, zero_point, np.dtype(dtype)))
    exact = [round(Fraction(pixel) / Fraction(scale)) + zero_point for pixel in range(256)]
    assert table.tolist() == [min(max(value, limits.min), limits.max) for value in exact]
    assert table.dtype == dtype


@given(st.floats(2**-10, 2**10, width=32), st.integers(-128, 127))
def test_dequantising_undoes_quantising(scale, zero_point):
    quantization = Quantization(scale, zero_point, np.dtype(np.int8))
    integers = np.arange(-128, 128).astype(np.int8)
    np.testing.assert_array_equal(
        quantization.quantize(quantization.dequantize(integers)), integers
    )


@pytest.mark.parametrize("pixels", ["0..1", "-1..1", "caffe"])
def test_a_float_model_gets_pixels_as_it_expects_them(tmp_path, pixels):
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, SHAPE, np.uint8)
    weights = rng.normal(size=(5, 48)).astype(np.float32)
    expected = {
        "0..1": image / 255,
        "-1..1": image / 127.5 - 1,
        "caffe": image[..., ::-1] - np.array([103.939, 116.779, 123.68]),
    }[pixels]
    scores = scores_of(linear_model(tmp_path / "m.tflite", weights), image, pixels=pixels)
    np.testing.assert_allclose(scores, weights @ expected.reshape(-1), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("dtype", ["int8", "uint8"])
def test_a_quantised_model_gets_integers_of_pixels_as_it_expects_them(tmp_path, dtype):
    middle = 0 if dtype == "int8" else 128
    model = linear_model(
        tmp_path / "m.tflite", first_pixels(5), quantized=Quantized(dtype, 1 / 128, middle)
    )
    # 0, 64, 128, 192 and 255 are -1, -0.498, 0.004, 0.506 and 1, of which 1 is out of range.
    scores = scores_of(model, image_of(0, 64, 128, 192, 255), pixels="-1..1")
    assert (scores * 128).tolist() == [-128, -64, 1, 65, 127]


def test_a_model_of_one_channel_gets_the_luminance_of_colours(tmp_path):
    shape = (2, 2, 1)
    model = linear_model(tmp_path / "m.tflite", first_pixels(4, shape), shape=shape)
    colours = np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [7, 7, 7]]], np.uint8)
    assert scores_of(model, colours).tolist() == [76, 150, 29, 7]
    assert scores_of(model, colours[..., :1]).tolist() == [255, 0, 0, 7]
    with pytest.raises(ValueError, match=r"m\.tflite: .*3 channels, its input has 1"):
        ENGINE.load(model, 1, "caffe")


def test_an_open_height_is_refused_and_an_open_batch_is_one_image(tmp_path):
    model = linear_model(tmp_path / "m.tflite", first_pixels(2))
    edited(model, open_size(-1, 4, 4, 3))
    assert scores_of(model, image_of(7, 9)).tolist() == [7, 9]
    edited(model, open_size(1, -1, -1, 3))
    with pytest.raises(ValueError, match=r"m\.tflite: .*open, \(1, -1, -1, 3\).* fixed"):
        ENGINE.load(model, 1)


def test_an_operator_that_the_runtime_lacks_is_named(tmp_path):
    model = edited(linear_model(tmp_path / "m.tflite", first_pixels(2)), unknown_operator)
    with pytest.raises(ValueError, match=r"m\.tflite: .*EdgeDetectorFromNowhere"):
        ENGINE.load(model, 1)


def test_a_session_answers_again_for_each_image(tmp_path):
    session = ENGINE.load(linear_model(tmp_path / "m.tflite", first_pixels(2)), 1)
    answers = []
    for value in (7, 200, 7):
        session.feed(image_of(value, 3))
        session.invoke()
        answers.append(session.scores())
    assert [answer.tolist() for answer in answers] == [[7, 3], [200, 3], [7, 3]]
    assert session.input_shape == (1, *SHAPE)


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((4, 4), np.uint8),
        np.zeros((1, *SHAPE), np.uint8),
        np.zeros((3, 4, 4), np.uint8),
        np.zeros(SHAPE, np.float32),
        np.zeros(SHAPE, np.int64),
    ],
)
def test_an_image_that_does_not_fit_is_refused(tmp_path, image):
    session = ENGINE.load(linear_model(tmp_path / "m.tflite", first_pixels(2)), 1)
    with pytest.raises(ValueError, match=r"uint8 images of shape \(4, 4, 3\), not"):
        session.feed(image)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"no model file .*nowhere\.tflite"):
        ENGINE.load(tmp_path / "nowhere.tflite", 1)


@pytest.mark.parametrize("damage", ["empty", "text", "cut"])
def test_a_damaged_file_is_named(tmp_path, damage):
    whole = linear_model(tmp_path / "whole.tflite", first_pixels(2)).read_bytes()
    model = tmp_path / "damaged.tflite"
    model.write_bytes(
        {"empty": b"", "text": b"not a model", "cut": whole[: len(whole) // 2]}[damage]
    )
    with pytest.raises(ValueError, match=r"cannot run .*damaged\.tflite: \w+"):
        ENGINE.load(model, 1)


def test_a_thread_count_that_makes_no_sense_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"m\.tflite.*num_threads"):
        ENGINE.load(linear_model(tmp_path / "m.tflite", first_pixels(2)), 0)


@pytest.mark.parametrize(
    ("shapes", "dtype", "reason"),
    [
        ([(2, 4, 4, 3)], "float32", r"\(2, 4, 4, 3\)"),
        ([(1, 48)], "float32", r"\(1, 48\)"),
        ([(1, 4, 4, 3)], "float32", r"output shape is \(1, 4, 4, 3\)"),
        ([(1, 1, 1, 3), (1, 1, 1, 3)], "float32", "one input, this model has 2"),
        ([(1, 1, 1, 3)], "int32", "'in0' is int32"),
        ([(1, 1, 1, 3)], "uint8", "'in0' is uint8 with 0 scales"),
    ],
)
def test_a_file_that_is_no_image_classifier_is_refused(tmp_path, shapes, dtype, reason):
    model = identity_model(tmp_path / "other.tflite", *shapes, dtype=dtype)
    with pytest.raises(ValueError, match=rf"other\.tflite: .*{reason}"):
        ENGINE.load(model, 1)


def test_a_closed_session_says_so(tmp_path):
    session = ENGINE.load(linear_model(tmp_path / "m.tflite", first_pixels(2)), 1)
    session.close()
    session.close()
    for use in (session.invoke, session.scores, lambda: session.feed(image_of(1))):
        with pytest.raises(ValueError, match="closed"):
            use()


def test_closing_gives_the_memory_back(tmp_path):
    shape = (64, 64, 3)
    model = linear_model(tmp_path / "big.tflite", np.ones((200, 12288)), shape=shape)

    def resident_kib() -> int:
        from slimbench.measurement.startup import STATUS, status_kib

        if not STATUS.exists():
            pytest.skip("there is no /proc here")
        return status_kib(STATUS.read_text(), "VmRSS")

    def use() -> None:
        session = ENGINE.load(model, 1)
        session.feed(np.zeros(shape, np.uint8))
        session.invoke()
        session.close()

    use()
    before = resident_kib()
    times = 20
    for _ in range(times):
        use()
    kept = resident_kib() - before
    assert kept < times * model.stat().st_size / 1024 / 4
