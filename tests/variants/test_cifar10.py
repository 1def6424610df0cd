from __future__ import annotations

import re

import pytest

from slimbench.build import recipe
from slimbench.datasets.cifar10 import VALIDATION_IMAGES
from slimbench.spec import Choices
from slimbench.steps.distill import Distill, TeacherAnswers
from slimbench.steps.export import Convert
from slimbench.steps.fine_tune import FineTune
from slimbench.steps.images import FewImages, Images
from slimbench.steps.pretrained import Pretrained
from slimbench.steps.prune import Prune
from slimbench.steps.quantize_aware import QuantizeAware
from slimbench.steps.train import Train
from slimbench.suite import profiles, variants
from tests.variants.test_variants import chain

ALL = variants.all_variants("cifar10", Choices())
FULL, USUAL = profiles.get_profile("cifar10-full"), profiles.get_profile("cifar10")

NAME = re.compile(
    r"(?P<network>[a-z0-9]+)_(?P<technique>[a-z0-9_]+?)"
    r"_(?P<precision>f32|dynamic_wi8|static_wi8_ai8)"
)


def parts(name):
    match = NAME.fullmatch(name)
    assert match is not None, f"{name} does not decode"
    return match


def steps(name, kind):
    return list(dict.fromkeys(step for step in chain(ALL[name].chain) if isinstance(step, kind)))


def test_the_full_profile_has_every_variant_that_can_gain_and_all_of_the_usual_one():
    assert set(ALL) - set(FULL.variants) == {"mobilenetv2_transfer_qat_static_wi8_ai8"}
    assert set(FULL.variants) <= set(ALL)
    assert set(USUAL.variants) < set(FULL.variants)
    assert (FULL.reference, FULL.seed, FULL.dataset) == (
        USUAL.reference,
        USUAL.seed,
        USUAL.dataset,
    )


@pytest.mark.parametrize("name", ALL)
def test_a_variant_is_scored_on_all_test_images_and_says_what_it_does(name):
    variant = ALL[name]
    assert variant.evaluation == Images("cifar10")
    assert (variant.trained is not None) == name.endswith("_f32")
    for step in chain(variant.chain):
        assert step.title().strip()
        assert step.label().strip()
        assert step.cost() > 0
        assert len(recipe.key(step, 0)) == 64


@pytest.mark.parametrize("name", ALL)
def test_a_name_says_network_technique_and_precision(name):
    match = parts(name)
    last, technique = ALL[name].chain, match["technique"]
    network = next(step.network for step in chain(last) if hasattr(step, "network"))
    assert network.name.removeprefix("transfer_").removeprefix("tutorial_") == match["network"]
    rounds = isinstance(last, Convert) and last.quantisation == "static_wi8_ai8"
    assert rounds == ("qat" in technique)
    assert any(step.keep_zeros for step in steps(name, QuantizeAware)) == ("pqat" in technique)
    pruning = steps(name, Prune)
    sparsities = {f"pruned{round(100 * step.sparsity)}" for step in pruning}
    blocks = {f"blocks{step.block}" for step in pruning if step.block > 1}
    assert blocks == set(re.findall(r"blocks\d", technique))
    assert sparsities == set(re.findall(r"pruned\d\d", technique))
    assert bool(steps(name, TeacherAnswers)) == ("distilled" in technique)
    assert bool(steps(name, FewImages)) == ("1k" in technique or "tutorial" in technique)


@pytest.mark.parametrize("name", [name for name in ALL if "_transfer" in name])
def test_transfer_starts_from_weights_and_counts_its_networks_version(name):
    (source,) = steps(name, Pretrained)
    assert source.network.name == f"imagenet_{parts(name)['network']}"
    for step in (source, *steps(name, FineTune)):
        assert step.versions()[f"network {step.network.name}"] == "1"


def test_only_the_networks_weights_files_that_are_missing_make_variants_missing(tmp_path):
    chosen = variants.all_variants("cifar10", Choices(weights=str(tmp_path)))
    needing = {
        name
        for name, variant in chosen.items()
        if any(isinstance(step, Pretrained) for step in chain(variant.chain))
    }
    alone = {name for name in chosen if re.search(r"resnet8(early)?_(scratch|pruned|qat)", name)}
    assert needing == chosen.keys() - alone


def test_of_few_labels_the_taught_student_sees_the_same_as_its_teacher():
    (alone,) = steps("resnet8_scratch1k_f32", Train)
    (taught,) = steps("resnet8_distilled1k_f32", Distill)
    (few,) = set(steps("resnet8_distilled1k_f32", FewImages))
    assert alone.images == few
    assert taught.images == few.images
    assert taught.labelled == few.train_per_class == 80
    assert few.train_per_class + few.validation_per_class == 100
    images = 50_000 - VALIDATION_IMAGES
    taught_steps = taught.schedule.epochs * (images // taught.schedule.batch)
    alone_steps = alone.schedule.epochs * (800 // alone.schedule.batch)
    assert alone_steps == taught_steps


def test_aware_training_goes_on_from_the_networks_it_is_compared_with():
    pairs = {
        "resnet8_qat": "resnet8_scratch",
        "resnet8_distilled_qat": "resnet8_distilled",
        "resnet8early_qat": "resnet8early_scratch",
        "resnet8early_distilled_qat": "resnet8early_distilled",
        "resnet8_pruned50_pqat": "resnet8_pruned50",
        "resnet8_pruned80_pqat": "resnet8_pruned80",
        "mobilenetv2_transfer_qat": "mobilenetv2_transfer",
    }
    for aware, plain in pairs.items():
        (step,) = steps(f"{aware}_static_wi8_ai8", QuantizeAware)
        assert step.source == ALL[f"{plain}_f32"].trained
