from __future__ import annotations

import dataclasses
import importlib.metadata
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import ClassVar

import pytest

from bench import variants
from bench.build import recipe
from bench.places import CHECKOUT
from bench.steps.gzip_size import GzipSize
from bench.steps.quantize import Quantize
from bench.steps.train import Train
from bench.steps.trained import Network
from bench.steps.training import Schedule
from bench.variants import digits
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
        {"schedule": Schedule(1, 8, 0.1, shift=1)},
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


STEP = '''"""A step of its own."""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class Baking:
    """Bakes."""

    degrees: int

    toolchain: ClassVar[str] = "plain"
    seeded: ClassVar[bool] = False
    packages: ClassVar[tuple[str, ...]] = ()
    code: ClassVar[tuple[str, ...]] = ("oven",)

    def run(self, place):
        """Bake it."""
        return self.degrees + 1  # preheated
'''

OVEN = '"""An oven."""\n\nHEAT = 180\n"""Degrees."""\n'

PROGRAM = "from baking import Baking; from bench.build import recipe; \
print(recipe.key(Baking(180), 0))"


@pytest.fixture
def key_of_code(tmp_path):
    """Compute a key in a new process, as the next run would, for the code that is given."""
    (tmp_path / "code").mkdir()

    def compute(step: str, oven: str) -> str:
        (tmp_path / "code" / "baking.py").write_text(step, encoding="utf-8")
        (tmp_path / "code" / "oven.py").write_text(oven, encoding="utf-8")
        paths = os.pathsep.join([str(tmp_path / "code"), str(CHECKOUT)])
        return subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env={**os.environ, "PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    return compute


def test_a_change_of_comments_docstrings_or_layout_keeps_the_key(key_of_code):
    step = STEP.replace("  # preheated", "").replace("Bakes.", "Makes it warm.")
    step = step.replace(
        "self.degrees + 1", "(\n            self.degrees\n            + 1\n        )"
    )
    step = step.replace('        """Bake it."""\n', "").replace('"plain"', "'plain'")
    assert step != STEP
    oven = "# Hot.\n" + OVEN.replace('"""Degrees."""\n', "").replace("An oven", "A stove")
    assert key_of_code(step, oven) == key_of_code(STEP, OVEN)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("self.degrees + 1", "self.degrees + 2"),
        ("degrees: int\n", "degrees: int\n    minutes: int = 50\n"),
        ("    def run", "    def walk"),
        ("HEAT = 180", "HEAT = 200"),
    ],
)
def test_a_change_of_a_steps_own_code_or_of_what_it_names_changes_the_key(key_of_code, old, new):
    assert (STEP + OVEN).count(old) == 1
    changed = key_of_code(STEP.replace(old, new), OVEN.replace(old, new))
    assert changed != key_of_code(STEP, OVEN)


def test_code_that_is_not_there_is_named():
    @dataclass(frozen=True, slots=True)
    class Adrift(Sample):
        code: ClassVar[tuple[str, ...]] = ("bench.steps.ghost",)

    with pytest.raises(ModuleNotFoundError, match=r"bench\.steps\.ghost"):
        key(Adrift("ship", ""))


def test_inputs_are_the_fields_that_are_steps_in_their_order():
    assert recipe.inputs(Sample("bread", "", None, WATER)) == (WATER,)
    assert recipe.inputs(Sample("bread", "", WATER, FLOUR)) == (WATER, FLOUR)
    quantized = Quantize(FLOUR, "static_wi8_ai8", WATER)
    assert recipe.inputs(quantized) == (FLOUR, WATER)
    assert recipe.inputs(Quantize(FLOUR, "f16")) == (FLOUR,)


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
