"""What TensorFlow makes of the full-size networks, built once in a child; read here without it."""

from __future__ import annotations

import functools
import json

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from slimbench.build.scheduler import Failure
from slimbench.build.store import Store
from slimbench.networks import weights
from slimbench.networks.weights import WEIGHTS_FILE, Network
from slimbench.spec import MODEL_FILE
from slimbench.steps import images
from slimbench.steps.calibration_photos import CROPS, CalibrationPhotos
from slimbench.steps.export import Convert, Export
from slimbench.steps.quantize import Quantize, calibration_images, widest_ranges
from slimbench.steps.random_weights import RandomWeights
from tests.build.recorder import made
from tests.networks.network_steps import BadFiles, Compared, Fetched
from tests.steps.test_images import quiet

NETWORKS = {
    "resnet50": Network("imagenet_resnet50", (32, 32, 3), 5),
    "mobilenetv2": Network("imagenet_mobilenetv2", (96, 96, 3), 5, 0.35),
    "efficientnetb0": Network("imagenet_efficientnetb0", (224, 224, 3), 1000),
    "squeezenet": Network("imagenet_squeezenet", (64, 64, 3), 5),
}
QUICK = ("squeezenet",)
"""Compared with Keras in every run of the tests; slow tests have the others."""
COMPARED = {name: Compared(network) for name, network in NETWORKS.items()}
BAD = BadFiles(NETWORKS["squeezenet"], Network("imagenet_squeezenet", (64, 64, 3), 6))
FETCHED = Fetched()

RANDOM = RandomWeights(NETWORKS["squeezenet"])
FLOAT = Convert(Export(RANDOM))
PHOTOS = CalibrationPhotos(64, 64)
STATIC = Quantize(FLOAT, "static_wi8_ai8", PHOTOS, ranges="widest")
AVERAGED = Quantize(FLOAT, "static_wi8_ai8", PHOTOS)


NAMES = [pytest.param(name, marks=[] if name in QUICK else pytest.mark.slow) for name in NETWORKS]


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    store = Store(tmp_path_factory.mktemp("store"))
    store.prepare()
    return store


@pytest.fixture(scope="module")
def built(store):
    """The results of all steps above but for the slow networks."""
    compared = (COMPARED[name] for name in QUICK)
    return made(store, *compared, BAD, FETCHED, RANDOM, FLOAT, PHOTOS, STATIC, AVERAGED)[0].results


@pytest.fixture(scope="module")
def folder(built):
    """Return the folder of a step that had to succeed."""
    return functools.partial(find, built)


def find(results, step):
    result = results[step]
    assert not isinstance(result, Failure), result.reason
    return result.folder


@pytest.fixture(scope="module")
def all_compared(store):
    """The results of all networks, for slow tests."""
    return made(store, *COMPARED.values())[0].results


@pytest.fixture
def compared(request, name):
    """The folder of what was compared, of the network that a test is about."""
    results = request.getfixturevalue("built" if name in QUICK else "all_compared")
    return find(results, COMPARED[name])


@pytest.fixture
def about(compared):
    return json.loads((compared / "about.json").read_text("utf-8"))


@pytest.mark.parametrize("name", NAMES)
def test_a_network_answers_on_raw_pixels_what_keras_answers_on_preprocessed_ones(compared):
    with np.load(compared / "logits.npz") as logits:
        ours, expected, swapped = logits["ours"], logits["expected"], logits["swapped"]
    scale = np.abs(expected).max()
    assert expected.std(axis=0).max() > 1e-3 * scale  # the images differ, so their answers must
    np.testing.assert_allclose(ours, expected, rtol=0, atol=2e-4 * scale)
    assert np.abs(swapped - expected).max() > 1e-3 * scale


@pytest.mark.parametrize("name", NAMES)
def test_preprocessing_costs_one_operator(about):
    before = [each for each in about["operators"] if each != "PAD"]
    assert before[:2] == ["ADD", "CONV_2D"]


@pytest.mark.parametrize("name", NAMES)
def test_layer_names_do_not_depend_on_what_was_built_before(about):
    assert about["names"] == about["names_again"]
    assert about["names"][0] == "pixels"


@pytest.mark.parametrize("name", NAMES)
def test_an_artifact_says_where_its_weights_are_from_and_holds_nothing_else(about, name):
    assert about["network"]
    assert about["input"][1:] == list(NETWORKS[name].input_shape)
    assert about["files"] == ["network.json", "notes.json", "weights.npz"]
    assert about["notes"]["weights"] == "folder"
    assert about["notes"]["weights_sha256"] == about["sha256"]
    assert about["notes"]["weights_file"].endswith(".h5")
    assert about["notes"]["weights_licence"] is None


@pytest.fixture(scope="module")
def bad(folder):
    return json.loads((folder(BAD) / "said.json").read_text("utf-8"))


@pytest.mark.parametrize("kind", ["truncated", "text", "empty", "other", "nan"])
def test_a_file_that_cannot_be_used_is_named_and_nothing_is_written(bad, kind):
    error, message, *left = bad[kind]
    assert error == "WeightsProblem"
    assert f"{kind}/squeezenet1_1_imagenet.h5 cannot be used" in message
    assert left == []


def test_a_file_that_is_not_there_is_missing_with_both_ways_out(bad):
    error, message, *left = bad["absent"]
    assert error == "Unavailable"
    assert "absent has no file squeezenet1_1_imagenet.h5" in message
    assert "--weights DIR" in message
    assert "--weights random" in message
    assert left == []


def test_a_file_that_changed_since_it_was_hashed_is_refused(bad):
    error, message, *_ = bad["changed"]
    assert error == "WeightsProblem"
    assert "changed while this run was under way" in message


@pytest.fixture(scope="module")
def fetched(folder):
    return json.loads((folder(FETCHED) / "said.json").read_text("utf-8"))


def test_a_download_ends_in_the_cache_and_is_not_repeated(fetched):
    assert fetched["found"] == ["found", "weights"]
    assert fetched["after"] == ["w.h5"]
    assert fetched["from_cache"] == ["found", "weights"]  # the server is gone by then


def test_a_download_of_another_hash_is_not_kept(fetched):
    assert fetched["wrong_hash"][0] == "Unavailable"
    assert "corrupted" in fetched["wrong_hash"][1]
    assert fetched["after_wrong_hash"] == []


def test_a_server_that_is_gone_or_lacks_the_file_makes_it_missing(fetched):
    assert fetched["absent"][0] == fetched["unreachable"][0] == "Unavailable"
    assert "404" in fetched["absent"][1]
    assert "127.0.0.1 could not be reached" in fetched["unreachable"][1]


def test_random_weights_are_noted_as_such_down_to_the_file(folder):
    for step in (RANDOM, FLOAT, STATIC):
        assert weights.read_notes(folder(step)) == {"weights": "random"}


def test_random_weights_are_all_different_so_that_the_file_has_its_real_size(folder):
    with np.load(folder(RANDOM) / WEIGHTS_FILE) as weights:
        arrays = [weights[name] for name in weights.files]
    assert all(len(np.unique(array)) > 0.9 * array.size for array in arrays)
    stored = (folder(FLOAT) / MODEL_FILE).stat().st_size
    assert stored > 4 * sum(array.size for array in arrays)


@pytest.mark.filterwarnings("ignore:.*experimental_preserve_all_tensors:UserWarning")
def test_ranges_are_the_widest_that_the_photographs_made(folder):
    model = folder(FLOAT) / MODEL_FILE
    shown = calibration_images(*images.training_images(folder(PHOTOS)), 10)[:12]
    feeds = [{"pixels": image[np.newaxis].astype(np.float32)} for image in shown]
    ranges = widest_ranges(model, "serving_default", feeds, quiet)
    interpreter = Interpreter(
        model_path=str(model),
        experimental_preserve_all_tensors=True,
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    interpreter.allocate_tensors()
    (pixels,) = interpreter.get_input_details()
    means = [each for each in interpreter._get_ops_details() if each["op_name"] == "MEAN"]  # noqa: SLF001
    index = means[0]["outputs"][0]
    seen = []
    for image in shown:
        interpreter.set_tensor(pixels["index"], image[np.newaxis].astype(np.float32))
        interpreter.invoke()
        seen.append(interpreter.get_tensor(index))
    name = interpreter._get_tensor_details(index, 0)["name"]  # noqa: SLF001
    assert float(ranges[name]["min"].squeeze()) == pytest.approx(np.min(seen), rel=1e-3, abs=1e-4)
    assert float(ranges[name]["max"].squeeze()) == pytest.approx(np.max(seen), rel=1e-3)


def scales(model):
    """Return each tensor's scale by name, where it has just one."""
    interpreter = Interpreter(model_path=str(model))
    details = interpreter.get_tensor_details()
    found = {each["name"]: each["quantization_parameters"]["scales"] for each in details}
    return {name: float(scale[0]) for name, scale in found.items() if len(scale) == 1}


def test_no_range_is_narrower_than_the_quantisers_average(folder):
    widest = scales(folder(STATIC) / MODEL_FILE)
    averaged = scales(folder(AVERAGED) / MODEL_FILE)
    assert widest.keys() == averaged.keys()
    assert all(widest[name] >= 0.999 * averaged[name] for name in widest)
    assert sum(widest[name] > 1.05 * averaged[name] for name in widest) > len(widest) / 2


def test_one_step_of_the_int8_input_is_one_step_of_a_pixel(folder):
    model = Interpreter(model_path=str(folder(STATIC) / MODEL_FILE))
    (pixels,) = model.get_input_details()
    assert pixels["dtype"] is np.int8
    assert pixels["quantization"] == (1.0, -128)


def test_all_crops_are_calibrated_on(folder):
    pixels, _ = images.training_images(folder(PHOTOS))
    assert pixels.shape == (CROPS, 64, 64, 3)
