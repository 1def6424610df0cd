from __future__ import annotations

import os
from pathlib import Path

import pytest

from slimbench.build import recipe
from slimbench.networks.weights import Network
from slimbench.steps import pretrained
from slimbench.steps.pretrained import Pretrained
from slimbench.steps.random_weights import RandomWeights

NETWORK = Network("imagenet_squeezenet", (227, 227, 3), 1000)
NAME = "squeezenet1_1_imagenet.h5"


def folder_with(path: Path, content: bytes) -> Path:
    path.mkdir(exist_ok=True)
    (path / NAME).write_bytes(content)
    return path


def key(step, seed=0):
    return recipe.key(step, seed)


def test_other_weights_in_a_folder_make_another_network(tmp_path):
    one = pretrained.from_folder(NETWORK, folder_with(tmp_path / "one", b"1"))
    other = pretrained.from_folder(NETWORK, folder_with(tmp_path / "other", b"2"))
    assert key(one) != key(other)


def test_the_same_weights_elsewhere_make_the_same_network(tmp_path):
    one = pretrained.from_folder(NETWORK, folder_with(tmp_path / "one", b"1"))
    moved = pretrained.from_folder(NETWORK, folder_with(tmp_path / "moved", b"1"))
    assert key(one) == key(moved)
    assert "moved" not in str(recipe.chain(moved))


def test_weights_that_changed_in_their_place_are_noticed(tmp_path):
    before = pretrained.from_folder(NETWORK, folder_with(tmp_path, b"1"))
    folder_with(tmp_path, b"2")
    os.utime(tmp_path / NAME, ns=(0, 0))
    assert key(pretrained.from_folder(NETWORK, tmp_path)) != key(before)


def test_a_file_that_is_not_there_is_no_error_before_it_is_needed(tmp_path):
    step = pretrained.from_folder(NETWORK, tmp_path)
    assert step.sha256 is None
    assert step.file_name == NAME


def test_the_seed_changes_random_weights_alone(tmp_path):
    folder = pretrained.from_folder(NETWORK, folder_with(tmp_path, b"1"))
    for step in (folder, Pretrained(NETWORK)):
        assert key(step, 0) == key(step, 1)
    assert key(RandomWeights(NETWORK), 0) != key(RandomWeights(NETWORK), 1)


def test_where_weights_come_from_makes_another_network(tmp_path):
    folder = pretrained.from_folder(NETWORK, folder_with(tmp_path, b"1"))
    keys = {key(step) for step in (folder, Pretrained(NETWORK), RandomWeights(NETWORK))}
    assert len(keys) == 3


def test_a_folder_goes_with_its_source_alone(tmp_path):
    with pytest.raises(ValueError, match="a folder goes with"):
        Pretrained(NETWORK, "imagenet", None, tmp_path)
    with pytest.raises(ValueError, match="a folder goes with"):
        Pretrained(NETWORK, "folder")
