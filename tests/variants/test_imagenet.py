from __future__ import annotations

import pytest

from bench.variants.imagenet import make_variants
from slimbench.build import recipe
from slimbench.errors import UsageProblem
from slimbench.networks.weights import Network
from slimbench.spec import Choices
from slimbench.steps.calibration_photos import CalibrationPhotos
from slimbench.steps.pretrained import Pretrained
from slimbench.steps.random_weights import RandomWeights
from tests.variants.test_variants import NAME, chain

ALL = {variant.name: variant for variant in make_variants("imagenet", Choices())}
PRECISIONS = {"f32", "dynamic_wi8", "static_wi8_ai8"}
SIDES = {"squeezenet": 227, "mobilenetv2w075r160": 160}


def test_there_is_every_network_in_every_usual_precision():
    stems = ("resnet50", "mobilenetv2", "mobilenetv2w075r160", "efficientnetb0", "squeezenet")
    expected = {f"{stem}_{precision}" for stem in stems for precision in PRECISIONS}
    assert ALL.keys() == {*expected, "resnet50_f16"}


@pytest.mark.parametrize("name", ALL)
def test_a_name_says_network_width_size_and_precision(name):
    match = NAME.fullmatch(name)
    assert match is not None
    steps = chain(ALL[name].chain)
    network: Network = next(step.network for step in steps if hasattr(step, "network"))
    side = SIDES.get(name.split("_")[0], 224)
    assert network.name == f"imagenet_{match['architecture']}"
    assert network.width == int(match["width"] or 100) / 100
    assert network.input_shape == (side, side, 3)
    assert network.classes == 1000
    assert ALL[name].dataset == "imagenet"
    assert getattr(ALL[name].chain, "recipe", "f32") == match["precision"]
    assert (ALL[name].trained is not None) == (match["precision"] == "f32")


@pytest.mark.parametrize("name", ALL)
def test_only_static_quantisation_sees_photographs_at_the_networks_size(name):
    steps = chain(ALL[name].chain)
    network: Network = next(step.network for step in steps if hasattr(step, "network"))
    photos = [step for step in steps if isinstance(step, CalibrationPhotos)]
    height, width, _ = network.input_shape
    expected = [CalibrationPhotos(height, width)] if "static" in name else []
    assert photos == expected


@pytest.mark.parametrize("name", ALL)
def test_every_step_says_what_it_does(name):
    for step in chain(ALL[name].chain):
        assert step.title().strip()
        assert step.label().strip()
        assert step.cost() > 0
        assert len(recipe.key(step, 0)) == 64


def sources(weights):
    steps = {
        step
        for variant in make_variants("imagenet", Choices(weights=weights))
        for step in chain(variant.chain)
        if hasattr(step, "network")
    }
    assert len(steps) == 5  # one for each network, shared by its precisions
    return steps


def test_the_users_choice_of_weights_is_every_networks(tmp_path):
    assert {type(step) for step in sources("random")} == {RandomWeights}
    for step in sources("imagenet"):
        assert isinstance(step, Pretrained)
        assert step.source == "imagenet"
    for step in sources(str(tmp_path)):
        assert isinstance(step, Pretrained)
        assert (step.source, step.folder) == ("folder", tmp_path.resolve())


def test_weights_that_do_not_exist_are_said_with_those_that_do(tmp_path):
    with pytest.raises(UsageProblem, match=r"no weights '.*nowhere'.*imagenet.*random.*a folder"):
        make_variants("imagenet", Choices(weights=str(tmp_path / "nowhere")))
