"""Every step's small results beside those that are kept: who forgets to raise a version is told.

`python -m tests.steps.keep_results` keeps new ones, of steps whose version was raised alone.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from pathlib import Path

import pytest

from slimbench import networks, steps
from slimbench.calibrate import design
from slimbench.spec import Step, TrainingStep
from tests.build.recorder import made
from tests.steps import keep_results
from tests.steps.keep_results import EXAMPLES, KEPT, SLOW_EXAMPLES, networks_of
from tests.steps.kept_steps import ARCHITECTURES


def step_classes() -> dict[str, type[Step]]:
    """Return every step of the project, by name."""
    modules = [
        importlib.import_module(f"slimbench.steps.{m.name}")
        for m in pkgutil.iter_modules(steps.__path__)
    ]
    return {
        value.__name__: value
        for module in (*modules, design)
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Step) and value not in (Step, TrainingStep)
    }


def test_every_step_has_a_kept_result():
    named = {name.split(",")[0] for name in EXAMPLES}
    assert named == step_classes().keys()


@pytest.mark.parametrize("name", sorted(EXAMPLES.keys() - SLOW_EXAMPLES))
def test_a_step_makes_what_it_made_when_its_version_was_given(folder, name):
    check(folder, name)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(SLOW_EXAMPLES))
def test_a_rounding_step_makes_what_it_made_when_its_version_was_given(slow_folder, name):
    check(slow_folder, name)


def check(folder: Callable[[Step], Path], name: str) -> None:
    """Compare a step's result with the kept one."""
    step, subfolder = EXAMPLES[name]
    kept = KEPT["steps"][name]
    class_name = name.split(",", maxsplit=1)[0]
    version = step_classes()[class_name].version
    assert kept["version"] == version, (
        f"{class_name} has version {version}, its kept result {kept['version']}: "
        "python -m tests.steps.keep_results"
    )
    difference = keep_results.difference(
        kept["result"], keep_results.summary(folder(step) / subfolder)
    )
    assert not difference, (
        f"{class_name} makes something else than before ({difference}) and still has version "
        f"{version}. Raise it, then: python -m tests.steps.keep_results"
    )


@pytest.mark.slow
def test_a_network_is_built_as_when_its_version_was_given(store):
    hashes = networks_of(made(store, ARCHITECTURES)[0].results[ARCHITECTURES].folder)
    assert hashes.keys() == KEPT["networks"].keys()
    for name, kept in KEPT["networks"].items():
        assert networks.version(name) == kept["version"]
        assert hashes[name] == kept["config_sha256"], (
            f"The network {name} is another than before and still has version {kept['version']}."
        )
