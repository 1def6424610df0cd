"""Transfer of networks other than MobileNetV2, their pruning, and aware training above a cut."""

from __future__ import annotations

import json

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from bench.variants.cifar10_networks import MEMBERS
from slimbench.build.store import Store
from slimbench.networks.weights import NOTES_FILE, WEIGHTS_FILE, Network
from slimbench.spec import MODEL_FILE
from slimbench.steps.export import Convert, Export
from slimbench.steps.fine_tune import FineTune
from slimbench.steps.prune import Prune
from slimbench.steps.quantize_aware import QuantizeAware
from slimbench.steps.random_weights import RandomWeights
from slimbench.steps.training import Schedule
from slimbench.tflite.weights import read_weights
from tests.build.recorder import made
from tests.steps.looking_steps import Anatomy
from tests.steps.tensorflow_steps import CLASSES, SHAPE, ArraysByLayer, Colours

COLOURS = Colours(24)
SLOWLY = Schedule(epochs=1, batch=6, learning_rate=1e-3, views=1, optimizer="adam")
CUTS = {member.architecture: member.cut for member in MEMBERS}

SQUEEZENET = RandomWeights(Network("imagenet_squeezenet", (64, 64, 3), 1000))
TUNED = FineTune(
    SQUEEZENET,
    COLOURS,
    Network("transfer_squeezenet", SHAPE, CLASSES),
    SLOWLY,
    SLOWLY,
    CUTS["squeezenet"],
)
PRUNED = Prune(
    TUNED,
    COLOURS,
    0.5,
    Schedule(epochs=2, batch=4, learning_rate=1e-4, views=1, optimizer="adam"),
    cut=CUTS["squeezenet"],
)
PRUNED_FILE = Convert(Export(PRUNED))

MOBILENETV2 = RandomWeights(Network("transfer_mobilenetv2", SHAPE, CLASSES, 0.35))
AWARE = QuantizeAware(MOBILENETV2, COLOURS, SLOWLY, cut="block_14_add")
AWARE_FILE = Convert(Export(AWARE), "static_wi8_ai8")
INSIDE = ArraysByLayer(AWARE)

ANATOMY = {
    name: Anatomy(
        Network(f"transfer_{name}", SHAPE, CLASSES),
        Network(f"imagenet_{name}", (224, 224, 3), 1000),
        cut,
    )
    for name, cut in CUTS.items()
}
LAYERS = {step: ArraysByLayer(step) for step in (SQUEEZENET, TUNED, PRUNED, MOBILENETV2)}
TARGETS = (PRUNED_FILE, AWARE_FILE, INSIDE, *ANATOMY.values(), *LAYERS.values())


pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return what finds a step's folder; everything is built first."""
    store = Store(tmp_path_factory.mktemp("store"))
    store.prepare()
    outcome, _ = made(store, *TARGETS, AWARE)
    return lambda step: outcome.results[step].folder


def weights(folder):
    with np.load(folder / WEIGHTS_FILE) as arrays:
        return {name: arrays[name] for name in arrays.files}


def changed(before, after):
    return {
        name.split("/")[0]
        for name in before.keys() & after.keys()
        if (before[name] != after[name]).any()
    }


TOP = ("fire6_expand", "fire7_", "fire8_", "fire9_")
"""SqueezeNet after its cut."""


def test_fine_tuning_takes_the_weights_and_leaves_what_is_below_the_cut(folder):
    before, after = weights(folder(LAYERS[SQUEEZENET])), weights(folder(LAYERS[TUNED]))
    assert {name.split("/")[0] for name in after.keys() - before.keys()} == {"logits"}
    moved = changed(before, after)
    assert moved
    assert all(name.startswith(TOP) for name in moved)


@pytest.mark.parametrize("name", ANATOMY)
def test_every_network_takes_all_its_layers_from_imagenet_and_is_cut_where_little_is_kept(
    folder, name
):
    about = json.loads((folder(ANATOMY[name]) / "about.json").read_text("utf-8"))
    assert about["fits"].pop("logits") is False
    assert about["fits"]
    assert all(about["fits"].values())
    assert about["kept"] <= 20_000
    assert about["above"] > 0.35 * about["all"]


def test_pruning_above_the_cut_leaves_the_rest_and_reaches_the_file(folder):
    before, after = weights(folder(LAYERS[TUNED])), weights(folder(LAYERS[PRUNED]))
    assert all(name.startswith((*TOP, "logits")) for name in changed(before, after))
    notes = json.loads((folder(PRUNED_FILE) / NOTES_FILE).read_text("utf-8"))
    layers = {*notes["pruned_layers"]}
    assert all(name.startswith((*TOP, "logits")) for name in layers)
    assert 0 <= notes["validation_top1"] <= 1
    for weight in read_weights(folder(PRUNED_FILE) / MODEL_FILE):
        share = weight.zeros / weight.size
        assert share == pytest.approx(0.5 if weight.layers & layers else 0, abs=0.01)


def test_aware_training_above_a_cut_leaves_what_is_below_and_all_statistics(folder):
    before = weights(folder(LAYERS[MOBILENETV2]))
    after = weights(folder(INSIDE))
    moved = {name for name in before if (after[name] != before[name]).any()}
    assert moved
    assert all(name.startswith(("Conv_1", "block_15_", "block_16_", "logits")) for name in moved)
    assert not any("_BN/" in name or "_bn/" in name for name in moved)


def test_the_whole_of_mobilenetv2_is_int8_enlarging_included(folder):
    model = Interpreter(model_path=str(folder(AWARE_FILE) / MODEL_FILE))
    assert {each["dtype"] for each in model.get_tensor_details()} == {np.int8, np.int32}
    (pixels,) = model.get_input_details()
    assert pixels["quantization"] == (1.0, -128)
    assert pixels["shape"].tolist() == [1, *SHAPE]


def test_every_channel_of_a_depthwise_convolution_has_a_range_of_its_own(folder):
    model = Interpreter(model_path=str(folder(AWARE_FILE) / MODEL_FILE))
    tensors = {each["index"]: each for each in model.get_tensor_details()}
    kernels = [
        tensors[each["inputs"][1]]
        for each in model._get_ops_details()  # noqa: SLF001 - the runtime's list of operators
        if each["op_name"] == "DEPTHWISE_CONV_2D"
    ]
    assert len(kernels) == 17
    for kernel in kernels:
        scales = kernel["quantization_parameters"]["scales"]
        assert len(scales) == kernel["shape"][-1]
        assert len(np.unique(scales)) > 1


def test_nothing_that_was_kept_on_the_way_is_left(folder):
    for step in (AWARE, PRUNED_FILE):
        assert not list(folder(step).glob("view_*.npy"))
