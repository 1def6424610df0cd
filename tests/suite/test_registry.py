from __future__ import annotations

import importlib
import sys

import pytest

from slimbench import datasets
from slimbench.errors import UsageProblem
from slimbench.spec import DataSet
from slimbench.suite import registry


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package with two modules that take part and one that does not."""
    folder = tmp_path / "registry_sample"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "zebra.py").write_text("ANIMAL = 'zebra'\n")
    (folder / "ape.py").write_text("ANIMAL = 'ape'\n")
    (folder / "tools.py").write_text("HAMMER = 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)
    yield importlib.import_module("registry_sample")
    for name in set(sys.modules) - before:
        if name.startswith("registry_sample"):
            del sys.modules[name]


def test_a_file_takes_part_by_its_constant_in_the_order_of_names(package):
    assert list(registry.constants(package, "ANIMAL")) == ["ape", "zebra"]
    assert list(registry.constants(package, "HAMMER")) == [1]
    assert list(registry.constants(package, "PLANT")) == []


def test_a_file_that_cannot_be_imported_is_not_passed_over(package, tmp_path):
    (tmp_path / "registry_sample" / "broken.py").write_text("import registry_ghost\n")
    with pytest.raises(ModuleNotFoundError, match="registry_ghost"):
        list(registry.constants(package, "ANIMAL"))


@pytest.mark.parametrize("known", [["b", "a"], {"a": 1, "b": 2}, ("a", "b"), {"b", "a"}])
def test_what_does_not_exist_is_said_with_what_does(known):
    problem = registry.unknown("animal", "cat", known)
    assert isinstance(problem, UsageProblem)
    assert str(problem) == "There is no animal 'cat'. There is: a, b."


def test_nothing_to_choose_from_is_said():
    assert str(registry.unknown("animal", "cat", [])) == "There is no animal 'cat'. There is: none."


def test_two_data_sets_of_one_name_are_refused(monkeypatch):
    digits = datasets.get("digits")
    other = DataSet("digits", ("a",), (8, 8, 3), (), digits.load)
    monkeypatch.setattr(registry, "constants", lambda *_: iter([digits, other]))
    with pytest.raises(ValueError, match=r"Two files of slimbench\.datasets define 'digits'"):
        datasets.all_datasets()


def test_one_file_is_asked_without_the_others(package, tmp_path):
    (tmp_path / "registry_sample" / "broken.py").write_text("import registry_ghost\n")
    assert registry.constant(package, "ANIMAL", "ape") == "ape"
    for module in ("tools", "cat", "", "ape.py", "../ape"):
        with pytest.raises(LookupError):
            registry.constant(package, "ANIMAL", module)
