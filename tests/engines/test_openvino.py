from __future__ import annotations

import copy
import importlib
import sys

import numpy as np
import pytest

from slimbench import engines
from slimbench.engines import openvino_file
from slimbench.engines.litert import ENGINE as LITERT
from slimbench.engines.openvino import ENGINE
from tests.engines.edited_models import edited, open_size, unknown_operator, values_behind
from tests.tiny_models import SHAPE, Quantized, first_pixels, identity_model, linear_model

WEIGHTS = np.random.default_rng(1).normal(size=(5, 48)).astype(np.float32)


@pytest.fixture
def installed():
    pytest.importorskip("openvino", reason="openvino, an optional extra, is not installed")


@pytest.fixture
def exact():
    """OpenVINO computing in float32, as LiteRT does."""
    engine = copy.copy(ENGINE)
    engine.options = {"precision": "f32"}
    return engine


def scores_of(engine, model, image, pixels="raw", threads=1):
    session = engine.load(model, threads, pixels)
    session.feed(image)
    session.invoke()
    return session.scores()


def test_it_is_listed_without_being_imported_and_measured_last():
    assert "openvino" in engines.names()
    assert engines.get("openvino").disturbs_others
    assert not engines.get("openvino").needs_tensorflow


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("pixels", ["raw", "0..1", "caffe"])
def test_a_float_file_gives_litertts_scores(tmp_path, exact, pixels, threads):
    image = np.random.default_rng(0).integers(0, 256, SHAPE, np.uint8)
    model = linear_model(tmp_path / "m.tflite", WEIGHTS)
    scores = scores_of(exact, model, image, pixels, threads)
    expected = scores_of(LITERT, model, image, pixels)
    np.testing.assert_allclose(scores, expected, rtol=1e-4, atol=1e-3)
    assert scores.dtype == np.float32


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(("dtype", "zero_point"), [("int8", -64), ("uint8", 64)])
def test_a_quantised_file_is_fed_integers_and_read_in_real_units(tmp_path, dtype, zero_point):
    image = np.zeros(SHAPE, np.uint8)
    image.reshape(-1)[:6] = (0, 1, 3, 5, 100, 255)
    model = linear_model(
        tmp_path / "m.tflite", first_pixels(6), quantized=Quantized(dtype, 2.0, zero_point)
    )
    scores = scores_of(ENGINE, model, image)
    assert np.abs(scores - [0, 0, 4, 4, 100, 256]).max() <= 2  # a step of its scale


@pytest.mark.usefixtures("installed")
def test_a_file_with_its_values_behind_the_flatbuffer_is_read(tmp_path, exact):
    image = np.random.default_rng(0).integers(0, 256, SHAPE, np.uint8)
    model = linear_model(tmp_path / "m.tflite", WEIGHTS)
    inside = scores_of(exact, model, image)
    before = model.read_bytes()
    values_behind(model)
    assert model.read_bytes() != before
    np.testing.assert_allclose(scores_of(LITERT, model, image), WEIGHTS @ image.reshape(-1), 1e-3)
    assert scores_of(exact, model, image).tolist() == inside.tolist()
    assert list(tmp_path.iterdir()) == [model]


def test_a_file_that_is_whole_is_handed_on_as_it_is(tmp_path):
    model = linear_model(tmp_path / "m.tflite", WEIGHTS)
    with openvino_file.readable(model) as file:
        assert file.path == model
    values_behind(model)
    with openvino_file.readable(model) as file:
        copied = file.path
        assert copied != model
        assert copied.is_file()
    assert not copied.exists()


@pytest.mark.usefixtures("installed")
def test_what_it_computes_in_is_recorded_and_can_be_chosen(tmp_path, exact):
    model = linear_model(tmp_path / "m.tflite", WEIGHTS)
    assert exact.load(model, 1).precision == "float32"
    assert ENGINE.load(model, 1).precision in ("float32", "bfloat16", "float16")
    engine = copy.copy(ENGINE)
    for options in ({"precision": "int3"}, {"streams": "2"}):
        engine.options = options
        with pytest.raises(ValueError, match=r"m\.tflite: there is no option"):
            engine.load(model, 1)


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (b"", "no TFL3 mark"),
        (b"not a model at all", "no TFL3 mark"),
        (None, r"\w+"),
    ],
)
def test_a_damaged_file_is_named(tmp_path, damage, reason):
    model = linear_model(tmp_path / "damaged.tflite", WEIGHTS)
    model.write_bytes(model.read_bytes()[:300] if damage is None else damage)
    with pytest.raises(ValueError, match=rf"OpenVINO cannot run .*damaged\.tflite: .*{reason}"):
        ENGINE.load(model, 1)
    with pytest.raises(ValueError, match=r"no model file .*nowhere\.tflite"):
        ENGINE.load(tmp_path / "nowhere.tflite", 1)


@pytest.mark.usefixtures("installed")
def test_a_file_that_is_no_image_classifier_is_refused(tmp_path):
    two = identity_model(tmp_path / "two.tflite", (1, 1, 1, 3), (1, 1, 1, 3))
    with pytest.raises(ValueError, match=r"two\.tflite: .*one input, this model has 2"):
        ENGINE.load(two, 1)
    row = identity_model(tmp_path / "row.tflite", (1, 48))
    with pytest.raises(ValueError, match=r"row\.tflite: .*\(1, 48\)"):
        ENGINE.load(row, 1)
    model = edited(linear_model(tmp_path / "open.tflite", WEIGHTS), open_size(1, -1, -1, 3))
    with pytest.raises(ValueError, match=r"open\.tflite: "):
        ENGINE.load(model, 1)
    model = edited(linear_model(tmp_path / "own.tflite", WEIGHTS), unknown_operator)
    with pytest.raises(ValueError, match=r"own\.tflite: .*EdgeDetectorFromNowhere"):
        ENGINE.load(model, 1)
    with pytest.raises(ValueError, match=r"m\.tflite: 0 is no number of threads"):
        ENGINE.load(linear_model(tmp_path / "m.tflite", WEIGHTS), 0)


@pytest.mark.usefixtures("installed")
def test_a_closed_session_says_so(tmp_path):
    session = ENGINE.load(linear_model(tmp_path / "m.tflite", WEIGHTS), 1)
    session.close()
    session.close()
    image = np.zeros(SHAPE, np.uint8)
    for use in (session.invoke, session.scores, lambda: session.feed(image)):
        with pytest.raises(ValueError, match="closed"):
            use()


def test_where_it_is_not_installed_the_way_to_it_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(ImportError):
        importlib.import_module("openvino")
    assert "openvino" in engines.names()
    with pytest.raises(ValueError, match="not installed"):
        ENGINE.prepare()
    with pytest.raises(ValueError, match=r'pip install "slimbench\[openvino\]"'):
        ENGINE.load(linear_model(tmp_path / "m.tflite", WEIGHTS), 1)
