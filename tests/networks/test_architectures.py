from __future__ import annotations

import dataclasses

import pytest

from slimbench import networks
from slimbench.errors import UsageProblem
from slimbench.networks import imagenet, resnet, student
from tests.steps.keep_results import KEPT


def test_names_and_versions_are_those_that_keys_were_made_of() -> None:
    versions = {name: each.version for name, each in networks.all_architectures().items()}
    assert versions == {name: kept["version"] for name, kept in KEPT["networks"].items()}


def test_two_networks_of_one_name_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    (twin,) = student.NETWORKS
    monkeypatch.setattr(
        student, "NETWORKS", (twin, dataclasses.replace(resnet.NETWORKS[0], name="student"))
    )
    with pytest.raises(ValueError, match=r"Two networks of slimbench\.networks .* 'student'"):
        networks.all_architectures()


def test_a_network_that_does_not_exist_is_said_with_those_that_do() -> None:
    with pytest.raises(UsageProblem, match=r"no network 'resnet9'.*resnet8, resnet8early"):
        networks.version("resnet9")


def test_without_imagenet_weights_there_is_nothing_to_load() -> None:
    with pytest.raises(TypeError, match="no ImageNet weights for the network 'student'"):
        imagenet.architecture("student")
