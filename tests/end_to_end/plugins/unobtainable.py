"""A pytest plugin that adds profiles with variants that cannot be had, or cannot be built."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from slimbench.errors import Unavailable
from slimbench.spec import NOTHING_CHOSEN, Choices, Step, Variant, Workplace
from slimbench.suite import profiles, variants
from slimbench.suite.profiles import Profile

WEIGHTS = "weights_f32"
BROKEN = "broken_f32"
REFERENCE = "student_scratch_f32"
OTHER = "student_scratch_f16"


@dataclass(frozen=True, slots=True)
class Fails(Step):
    """A step that never yields anything; where `missing`, for want of something."""

    missing: bool

    def label(self) -> str:
        return "nothing"

    def title(self) -> str:
        return "making nothing"

    def run(self, place: Workplace) -> None:  # noqa: ARG002
        if self.missing:
            raise Unavailable("its weights are on no disk here")
        raise RuntimeError("the wheels came off")


def _profile(name: str, reference: str, *names: str) -> Profile:
    return Profile(name, "digits", reference, names, ("litert",), (1,), 0)


ADDED = {
    profile.name: profile
    for profile in (
        _profile("lacking", REFERENCE, REFERENCE, WEIGHTS),
        _profile("headless", WEIGHTS, WEIGHTS, OTHER),
        _profile("broken", REFERENCE, REFERENCE, BROKEN),
        _profile("nothing", WEIGHTS, WEIGHTS),
        _profile("hopeless", WEIGHTS, WEIGHTS, BROKEN),
    )
}


@pytest.hookimpl(tryfirst=True)  # the plan is made afterwards
def pytest_configure() -> None:
    known_profiles = {**profiles.load_profiles(), **ADDED}
    known_variants = variants.all_variants
    chains: dict[str, Step] = {WEIGHTS: Fails(missing=True), BROKEN: Fails(missing=False)}
    added = {name: Variant(name, "digits", chain) for name, chain in chains.items()}

    def load_profiles() -> dict[str, Profile]:
        return known_profiles

    def get_profile(name: str) -> Profile:
        return known_profiles[name]

    def all_variants(dataset: str, choices: Choices = NOTHING_CHOSEN) -> dict[str, Variant]:
        return {**known_variants(dataset, choices), **added}

    replaced: list[tuple[Any, Any]] = [
        (profiles, load_profiles),
        (profiles, get_profile),
        (variants, all_variants),
    ]
    for module, function in replaced:
        setattr(module, function.__name__, function)
