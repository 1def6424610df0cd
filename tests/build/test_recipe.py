from __future__ import annotations

import dataclasses
import importlib.metadata
import json
from dataclasses import dataclass
from typing import ClassVar

import pytest

from bench.variants import digits
from slimbench import datasets
from slimbench.build import recipe
from slimbench.networks import student
from slimbench.networks.weights import Network
from slimbench.steps.export import Convert, Export
from slimbench.steps.gzip_size import GzipSize
from slimbench.steps.quantize import Quantize
from slimbench.steps.train import Train
from slimbench.steps.training import UNCHANGED, Schedule
from slimbench.suite import variants
from tests.build.sample_steps import Sample, Seeded

FLOUR = Sample("flour", "")
WATER = Sample("water", "")


@dataclass(frozen=True, slots=True)
class Baked(Sample):
    """A step whose versions count."""

    packages: ClassVar[tuple[str, ...]] = ("numpy", "filelock")


def key(step, seed=0):
    return recipe.key(step, seed)


def test_equal_steps_have_equal_keys_of_64_digits():
    assert key(Sample("bread", "", FLOUR)) == key(Sample("bread", "", Sample("flour", "")))
    assert len(key(FLOUR)) == 64
    assert int(key(FLOUR), 16) > 0


def test_every_difference_of_the_recipe_makes_another_key():
    steps = [
        Sample("bread", ""),
        Sample("cake", ""),
        Sample("bread", "diary"),
        Seeded("bread", ""),
        Sample("bread", "", FLOUR),
        Sample("bread", "", WATER),
        Sample("bread", "", None, FLOUR),
        Sample("bread", "", FLOUR, WATER),
        Sample("bread", "", WATER, FLOUR),
        Sample("bread", "", Sample("flour", "", WATER)),
    ]
    assert len({key(step) for step in steps}) == len(steps)


@pytest.mark.parametrize(
    "change",
    [
        {"network": Network("student", (32, 32, 3), 10, 0.5)},
        {"network": Network("student", (32, 32, 3), 11)},
        {"network": Network("mobilenetv2", (32, 32, 3), 10)},
        {"schedule": Schedule(2, 8, 0.1)},
        {"schedule": Schedule(1, 8, 0.1, augmentation=UNCHANGED)},
        {"schedule": Schedule(1, 8, 0.1, views=1)},
        {"schedule": Schedule(1, 8, 0.2)},
    ],
)
def test_the_fields_inside_a_field_count(change):
    step = Train(digits.IMAGES, Network("student", (32, 32, 3), 10), Schedule(1, 8, 0.1))
    assert key(step) != key(dataclasses.replace(step, **change))
    assert key(step) == key(dataclasses.replace(step))


def test_the_seed_counts_for_seeded_steps_and_what_stands_on_them():
    assert key(FLOUR, 1) == key(FLOUR, 2)
    assert key(Seeded("dough", "", FLOUR), 1) != key(Seeded("dough", "", FLOUR), 2)
    bread = Sample("bread", "", Seeded("dough", "", FLOUR))
    assert key(bread, 1) != key(bread, 2)


def test_the_versions_of_a_steps_packages_count_and_others_do_not(monkeypatch):
    bread, flour = Baked("bread", ""), FLOUR
    before = key(bread), key(flour)
    versions = {"numpy": "99.0", "scipy": "99.0"}
    real = importlib.metadata.version
    monkeypatch.setattr(
        importlib.metadata, "version", lambda name: versions.get(name) or real(name)
    )
    recipe.key.cache_clear()
    try:
        assert key(bread) != before[0]
        assert key(flour) == before[1]
        versions["numpy"] = real("numpy")
        recipe.key.cache_clear()
        assert (key(bread), key(flour)) == before
    finally:
        recipe.key.cache_clear()


def test_a_raised_version_makes_another_key_and_everything_else_of_the_code_keeps_it():
    @dataclass(frozen=True, slots=True)
    class Churned(Sample):
        pass

    before = key(Churned("butter", "")), key(Sample("bread", "", Churned("butter", "")))

    class Renamed(Churned):  # the same step in another module, its code and docstring rewritten
        """Says something else."""

        def work(self, place):
            raise NotImplementedError

    Renamed.__name__ = "Churned"
    recipe.key.cache_clear()
    assert key(Renamed("butter", "")) == before[0]
    Churned.version = 2
    recipe.key.cache_clear()
    try:
        assert key(Churned("butter", "")) != before[0]
        assert key(Sample("bread", "", Churned("butter", ""))) != before[1]
    finally:
        recipe.key.cache_clear()


@pytest.mark.parametrize("version", [0, -1, True, 1.0, "1", None])
def test_a_version_that_is_no_positive_integer_is_refused_by_name(version):
    with pytest.raises(TypeError, match=r"The step Sour has the version .*positive integer"):
        type("Sour", (Sample,), {"version": version})


def test_two_steps_of_one_name_are_refused_by_name():
    type("Twin", (Sample,), {"__module__": "one"})
    with pytest.raises(TypeError, match=r"Two steps are called Twin: one\.Twin and two\.Twin"):
        type("Twin", (Sample,), {"__module__": "two"})


def test_the_version_of_a_network_and_of_a_data_set_count(monkeypatch):
    step = Train(digits.IMAGES, Network("student", (32, 32, 3), 10), Schedule(1, 8, 0.1))
    before = key(step), key(digits.IMAGES)
    (changed,) = student.NETWORKS
    monkeypatch.setattr(student, "NETWORKS", (dataclasses.replace(changed, version=2),))
    recipe.key.cache_clear()
    try:
        assert key(step) != before[0]
        assert key(digits.IMAGES) == before[1]
        dataset = dataclasses.replace(datasets.get("digits"), version=2)
        monkeypatch.setattr(datasets, "get", lambda _: dataset)
        recipe.key.cache_clear()
        assert key(digits.IMAGES) != before[1]
    finally:
        recipe.key.cache_clear()


def test_a_changed_learning_rate_rebuilds_what_stands_on_it_and_nothing_else():
    network = Network("student", (32, 32, 3), 10)
    slow, fast = (Train(digits.IMAGES, network, Schedule(1, 8, rate)) for rate in (0.1, 0.2))
    chains = [Quantize(Convert(Export(step)), "f16") for step in (slow, fast)]

    def keys(step):
        return {key(step), *(below for source in step.inputs for below in keys(source))}

    assert keys(chains[0]) & keys(chains[1]) == {key(digits.IMAGES)}


def test_inputs_are_the_fields_that_are_steps_in_their_order():
    assert Sample("bread", "", None, WATER).inputs == (WATER,)
    assert Sample("bread", "", WATER, FLOUR).inputs == (WATER, FLOUR)
    quantized = Quantize(FLOUR, "static_wi8_ai8", WATER)
    assert quantized.inputs == (FLOUR, WATER)
    assert Quantize(FLOUR, "f16").inputs == (FLOUR,)


def test_a_chain_is_the_whole_recipe_as_json():
    chain = recipe.chain(Sample("bread", "", Seeded("dough", "", FLOUR)))
    assert json.loads(json.dumps(chain)) == chain
    assert chain["step"] == "Sample"
    assert chain["fields"]["name"] == "bread"
    (dough,) = chain["inputs"]
    assert (dough["step"], dough["inputs"][0]["fields"]["name"]) == ("Seeded", "flour")


@pytest.mark.parametrize("name", sorted(variants.all_variants("digits")))
def test_every_variants_chain_has_a_key_and_is_json(name):
    chain = GzipSize(variants.get(name, "digits").chain)
    assert json.loads(json.dumps(recipe.chain(chain)))["step"] == "GzipSize"
    assert len(key(chain)) == 64


def test_no_two_variants_share_a_file():
    keys = [key(variant.chain) for variant in variants.all_variants("digits").values()]
    assert len(set(keys)) == len(keys)
