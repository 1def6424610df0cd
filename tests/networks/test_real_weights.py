"""Real weights on real photographs: the preprocessing inside the models is the right one."""

from __future__ import annotations

import io
import tarfile

import numpy as np
import pytest
from PIL import Image

from bench.variants.imagenet import make_variants
from slimbench import engines
from slimbench.build.scheduler import Failure
from slimbench.build.store import Store
from slimbench.spec import MODEL_FILE, Choices
from tests.build.recorder import made
from tests.datasets.photos.pictures import real_data
from tests.networks.network_steps import KerasOwn

CLASSES = {
    "n01440764": 0,
    "n02102040": 217,
    "n02979186": 482,
    "n03000684": 491,
    "n03028079": 497,
    "n03394916": 566,
    "n03417042": 569,
    "n03425413": 571,
    "n03445777": 574,
    "n03888257": 701,
}
"""Each folder's place in the sorted list of ImageNet's 1,000."""

MODELS = ("mobilenetv2_f32", "mobilenetv2_static_wi8_ai8", "squeezenet_static_wi8_ai8")
SIDES = {"mobilenetv2": 224, "squeezenet": 227}


@pytest.fixture(scope="module")
def photographs():
    """All photographs with their classes, as (images, labels)."""
    pixels, labels = [], []
    with tarfile.open(real_data("imagenet-val-10-classes.tar.gz")) as archive:
        for member in sorted(archive.getmembers(), key=lambda member: member.name):
            file = archive.extractfile(member) if member.isfile() else None
            if file is not None and member.name.endswith(".JPEG"):
                pixels.append(Image.open(io.BytesIO(file.read())).convert("RGB"))
                labels.append(CLASSES[member.name.split("/")[-2]])
    return pixels, np.array(labels)


def resized(pictures, side):
    return np.stack([np.asarray(each.resize((side, side))) for each in pictures])


@pytest.fixture(scope="module")
def built(photographs, tmp_path_factory):
    """The model files by variant, and Keras's own answers."""
    folder = tmp_path_factory.mktemp("real")
    np.savez(folder / "photographs.npz", images=resized(photographs[0], 224))
    weights = real_data("weights")
    all_of_them = {
        each.name: each for each in make_variants("imagenet", Choices(weights=str(weights)))
    }
    chains = {name: all_of_them[name].chain for name in MODELS}
    own = KerasOwn(
        str(weights / "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224.h5"),
        str(folder / "photographs.npz"),
    )
    store = Store(folder / "store")
    store.prepare()
    results = made(store, *chains.values(), own)[0].results
    folders = {}
    for name, step in {**chains, "keras": own}.items():
        result = results[step]
        assert not isinstance(result, Failure), result.reason
        folders[name] = result.folder
    return folders


@pytest.fixture(scope="module")
def accuracy(built, photographs):
    """Score a variant on the photographs, after a change to their pixels."""

    def score(name, change=lambda pixels: pixels):
        pictures, labels = photographs
        session = engines.get("litert").load(built[name] / MODEL_FILE, 1)
        right = 0
        for image, label in zip(resized(pictures, SIDES[name.split("_")[0]]), labels, strict=True):
            session.feed(np.ascontiguousarray(change(image)))
            session.invoke()
            right += int(session.scores().argmax() == label)
        session.close()
        return right / len(labels)

    return score


@pytest.fixture(scope="module")
def keras_accuracy(built, photographs):
    answers = np.load(built["keras"] / "answers.npy")
    return (answers.argmax(axis=1) == photographs[1]).mean()


def test_the_float_file_scores_what_keras_scores_with_its_own_preprocessing(
    accuracy, keras_accuracy
):
    assert keras_accuracy > 0.6
    assert accuracy("mobilenetv2_f32") == pytest.approx(keras_accuracy, abs=0.01)


def test_the_int8_file_scores_nearly_as_much_though_calibrated_on_two_other_photographs(
    accuracy, keras_accuracy
):
    assert accuracy("mobilenetv2_static_wi8_ai8") >= keras_accuracy - 0.03


def test_squeezenets_int8_file_does_not_cut_its_highest_scores(accuracy):
    assert accuracy("squeezenet_static_wi8_ai8") >= 0.54


@pytest.mark.parametrize(
    ("change", "loss"),
    [
        pytest.param(lambda pixels: pixels[..., ::-1], 0.05, id="blue and red swapped"),
        pytest.param(lambda pixels: pixels // 255, 0.5, id="scaled to 0..1"),
        pytest.param(lambda pixels: pixels // 2 + 64, 0.02, id="scaled to 64..191"),
    ],
)
@pytest.mark.parametrize("name", ["mobilenetv2_f32", "mobilenetv2_static_wi8_ai8"])
def test_pixels_of_another_kind_make_the_accuracy_fall(accuracy, name, change, loss):
    assert accuracy(name, change) <= accuracy(name) - loss
