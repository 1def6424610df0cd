from __future__ import annotations

import re
from types import SimpleNamespace

import pytest

from bench.variants import digits
from slimbench.errors import UsageProblem
from slimbench.networks import version
from slimbench.networks.weights import Network
from slimbench.spec import Variant
from slimbench.steps.distill import Distill
from slimbench.steps.export import Convert
from slimbench.steps.prune import Prune
from slimbench.steps.quantize import Quantize
from slimbench.suite import profiles, registry, variants
from tests.build.sample_steps import Sample

PRECISIONS = "f32|f16|dynamic_wi8|static_wi8_ai8|converter_dynamic_wi8"
NAME = re.compile(
    r"(?P<architecture>[a-z][a-z0-9]*?)(w(?P<width>\d{3}))?(r\d{3})?"
    rf"(_(?P<technique>pruned\d\d|distilled|scratch))?_(?P<precision>{PRECISIONS})"
)

ALL = variants.all_variants("digits")


def chain(step):
    """Return a step with everything it stands on."""
    return [step, *(below for each in step.inputs for below in chain(each))]


def parts(name):
    match = NAME.fullmatch(name)
    assert match is not None, f"{name} does not decode"
    return match


@pytest.mark.parametrize("name", ALL)
def test_a_name_says_the_network_and_its_width(name):
    steps = chain(ALL[name].chain)
    network: Network = next(step.network for step in steps if hasattr(step, "network"))
    assert network.name == parts(name)["architecture"]
    assert network.width == int(parts(name)["width"] or 100) / 100
    assert network.input_shape == (32, 32, 3)
    assert network.classes == 10
    assert version(network.name) >= 1


@pytest.mark.parametrize("name", ALL)
def test_a_name_says_the_technique(name):
    technique = parts(name)["technique"] or ""
    steps = chain(ALL[name].chain)
    sparsities = [f"pruned{round(100 * step.sparsity)}" for step in steps if type(step) is Prune]
    assert sparsities == ([technique] if technique.startswith("pruned") else [])
    assert any(type(step) is Distill for step in steps) == (technique == "distilled")


@pytest.mark.parametrize("name", ALL)
def test_a_name_says_the_precision(name):
    last, precision = ALL[name].chain, parts(name)["precision"]
    if isinstance(last, Quantize):
        assert last.recipe == precision
    else:
        assert isinstance(last, Convert)
        by_converter = precision == "converter_dynamic_wi8"
        assert last.quantisation == ("dynamic_wi8" if by_converter else "none")
        assert precision in {"f32", "converter_dynamic_wi8"}


@pytest.mark.parametrize("name", ALL)
def test_every_step_of_a_variant_sees_the_same_images(name):
    """A teacher, a pruning or a calibration on other images would leak or teach wrongly."""
    steps = chain(ALL[name].chain)
    ends = {step for step in steps if not step.inputs}
    assert ends == {digits.IMAGES}
    assert ALL[name].dataset == digits.IMAGES.dataset


@pytest.mark.parametrize("name", ALL)
def test_every_step_says_what_it_does(name):
    for step in chain(ALL[name].chain):
        assert step.title().strip()
        assert step.label().strip()
        assert step.cost() > 0


def test_the_student_from_scratch_differs_from_the_distilled_one_in_its_teacher_alone():
    (scratch,) = {
        step for step in chain(ALL["student_scratch_f32"].chain) if hasattr(step, "network")
    }
    distilled = next(
        step for step in chain(ALL["student_distilled_f32"].chain) if isinstance(step, Distill)
    )
    assert (scratch.network, scratch.schedule) == (distilled.network, distilled.schedule)
    assert distilled.teacher.views == distilled.schedule.views
    assert distilled.teacher.images == distilled.images == scratch.images


@pytest.mark.parametrize("profile", profiles.load_profiles().values(), ids=lambda each: each.name)
def test_every_variant_of_a_profile_exists(profile):
    known = variants.all_variants(profile.dataset)
    assert set(profile.variants) <= known.keys()
    assert profile.reference in profile.variants


def test_a_variant_of_another_data_set_is_not_found():
    assert variants.all_variants("letters") == {}
    with pytest.raises(UsageProblem, match=r"no variant 'resnet50_f32'\. There is: none"):
        variants.get("resnet50_f32", "letters")


def test_only_the_plain_float_form_is_a_keras_network_too():
    for variant in variants.all_variants("digits").values():
        assert (variant.trained is not None) == variant.name.endswith("_f32")


def test_an_unknown_variant_is_said_with_what_exists():
    with pytest.raises(UsageProblem) as caught:
        variants.get("resnet50_f31", "digits")
    assert "There is no variant 'resnet50_f31'" in str(caught.value)
    assert all(name in str(caught.value) for name in ALL)


def defined(monkeypatch, families):
    modules = [SimpleNamespace(VARIANTS=family) for family in families]
    monkeypatch.setattr(registry, "suite_modules", lambda _: iter(modules))


def family(*names, dataset="digits"):
    return tuple(Variant(name, dataset, Sample(name, "")) for name in names)


@pytest.mark.parametrize(
    "families", [(family("a_f32"), family("b_f32", "a_f32")), (family("a_f32", "a_f32"),)]
)
def test_two_variants_of_one_name_are_refused(monkeypatch, families):
    defined(monkeypatch, families)
    with pytest.raises(ValueError, match="variant a_f32 for digits"):
        variants.all_variants("digits")


def test_two_data_sets_may_have_a_variant_of_one_name(monkeypatch):
    families = (family("a_f32"), family("a_f32", dataset="cifar10"))
    defined(monkeypatch, families)
    assert variants.get("a_f32", "digits").dataset == "digits"
    assert variants.get("a_f32", "cifar10").dataset == "cifar10"
