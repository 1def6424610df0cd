from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slimbench.serving.messages import TOLERANCE, agrees, is_right, png, predict

EXPECTED = {"predictions": [{"class": "7", "score": 0.75}], "all_scores": [0.25, 0.75]}


def body(**changed: Any) -> bytes:
    return json.dumps({**EXPECTED, "timing_ms": {"total": 1.0}, **changed}).encode()


def test_further_keys_and_the_last_digits_do_not_matter() -> None:
    assert is_right(body(), EXPECTED)
    assert is_right(body(all_scores=[0.25 + 9e-7, 0.75]), EXPECTED)


@pytest.mark.parametrize(
    "wrong",
    [
        body(all_scores=[0.25, 0.7501]),
        body(all_scores=[0.25]),
        body(all_scores=[0.75, 0.25]),
        body(all_scores=None),
        body(all_scores=[0.25, True]),
        body(all_scores=[0.25, "0.75"]),
        body(predictions=[{"class": "1", "score": 0.75}]),
        body(predictions=[{"score": 0.75}]),
        b"<html>500</html>",
        b"\xff",
        b"",
        b"[]",
        b'{"all_scores": [0.25, NaN], "predictions": [{"class": "7", "score": 0.75}]}',
    ],
)
def test_another_answer_is_wrong(wrong: bytes) -> None:
    assert not is_right(wrong, EXPECTED)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=8,
)


@given(JSON)
def test_every_answer_agrees_with_itself(value: Any) -> None:
    assert agrees(json.loads(json.dumps(value)), value)


@given(JSON, JSON)
def test_it_never_raises_and_scalars_agree_only_with_equals(one: Any, other: Any) -> None:
    agreed = agrees(one, other)
    if not isinstance(other, dict | list):
        assert agreed == (one == other and isinstance(one, bool) == isinstance(other, bool))


def test_the_tolerance_is_the_one_that_batches_of_floats_need() -> None:
    assert TOLERANCE == 1e-6


def test_a_picture_is_sent_as_a_form_and_pixel_by_pixel() -> None:
    from io import BytesIO

    from flask import Flask, request
    from PIL import Image

    image = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    with Image.open(BytesIO(png(image))) as opened:
        assert np.array_equal(np.asarray(opened), image)
    assert Image.open(BytesIO(png(image[..., :1]))).mode == "L"
    head, _, content = predict(png(image)).partition(b"\r\n\r\n")
    fields = dict(line.split(": ", 1) for line in head.decode().splitlines()[1:])
    assert int(fields["Content-Length"]) == len(content)
    app = Flask(__name__)
    with app.test_request_context(
        "/predict", method="POST", data=content, content_type=fields["Content-Type"]
    ):
        assert request.files["image"].read() == png(image)
