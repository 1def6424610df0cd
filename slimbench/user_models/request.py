"""What a user asks for with `--model` and `--steps`, and the run that follows from it.

Steps are written `prune(0.5),quantize(static_wi8_ai8)`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from slimbench.errors import UsageProblem
from slimbench.spec import PixelMode, Recipe, Variant
from slimbench.steps.own_file import Source, content_of, form_of, unreadable
from slimbench.suite.profiles import OWN_PROFILE, Profile

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.]{0,79}")

RECIPES: tuple[Recipe, ...] = get_args(Recipe)

FORMS = f"prune(SHARE) with a share of zeros such as 0.5, quantize({'|'.join(RECIPES)})"
"""Every step there is, for messages and help."""

_STEP = re.compile(r"\s*([a-z_]+)\s*\(\s*([A-Za-z0-9_.]+)\s*\)\s*")


@dataclass(frozen=True, slots=True)
class Request:
    """What a user asked for with `--model` and its companions, as typed."""

    models: tuple[str, ...]
    labels: Path | None = None
    pixels: PixelMode | None = None
    steps: tuple[str, ...] = ()
    profile: str = OWN_PROFILE


@dataclass(frozen=True, slots=True)
class UserRun:
    """The profile of a run of a user's models, its variants, and remarks to print about them."""

    profile: Profile
    variants: Mapping[str, Variant]
    remarks: tuple[str, ...]


def find_sources(typed: Sequence[str]) -> tuple[Source, ...]:
    """Return the models of `--model NAME=PATH` options, in their order.

    Raises:
        UsageProblem: One is not written so, is no model, cannot be read, or shares its name.
    """
    sources: dict[str, Source] = {}
    for option in typed:
        source = _source(option)
        if source.name in sources:
            raise UsageProblem(
                f"Two models are called {source.name!r}: {sources[source.name].path} and "
                f"{source.path}. Give each --model a name of its own."
            )
        sources[source.name] = source
    return tuple(sources.values())


@dataclass(frozen=True, slots=True)
class Chain:
    """What is done to a model: pruned to a share of zeros, quantised, or both in this order."""

    sparsity: float | None = None
    recipe: Recipe | None = None

    def prefixes(self) -> tuple[Chain, ...]:
        """Return what is measured on the way: a chain for each of its steps, itself last."""
        if self.sparsity is not None and self.recipe is not None:
            return (Chain(self.sparsity), self)
        return (self,)

    def name(self, stem: str) -> str:
        """Return what the result is called.

        `resnet8_f32` gives `resnet8_pruned50_f32` and `resnet8_static_wi8_ai8`; a name that does
        not end in its precision is kept whole: `mine` gives `mine_pruned50`.
        """
        bare = stem.removesuffix("_f32") or stem
        pruned = "" if self.sparsity is None else f"_pruned{_percent(self.sparsity)}"
        if self.recipe is not None:
            return f"{bare}{pruned}_{self.recipe}"
        return f"{bare}{pruned}" + ("_f32" if bare != stem else "")


def parse_steps(typed: str) -> Chain:
    """Read `--steps`; raises UsageProblem that says what can be written."""
    chain = Chain()
    for part in _parts(typed):
        match = _STEP.fullmatch(part)
        if match is None:
            raise _problem(typed, f"{part.strip()!r} is no step")
        step, argument = match.groups()
        if step == "prune":
            if chain != Chain():
                raise _problem(typed, "prune comes first, and once")
            chain = Chain(sparsity=_sparsity(typed, argument))
        elif step == "quantize":
            if chain.recipe is not None:
                raise _problem(typed, "quantize comes last, and once")
            chain = Chain(chain.sparsity, _recipe(typed, argument))
        else:
            raise _problem(typed, f"there is no step {step!r}")
    return chain


def _source(typed: str) -> Source:
    name, equals, path = typed.partition("=")
    if not equals or not path:
        raise UsageProblem(
            f"--model takes NAME=PATH, such as --model mine=mine.tflite, not {typed!r}."
        )
    if not NAME.fullmatch(name):
        raise UsageProblem(
            f"{name!r} cannot be a model's name: it takes letters, digits, '_' and '.', begins "
            "with a letter or digit, and is at most 80 long. A '-' parts it from engine and "
            "threads."
        )
    location = Path(path).expanduser().absolute()
    form = form_of(location)
    try:
        return Source(name, location, form, content_of(location))
    except OSError as error:
        raise unreadable(location, error) from error


def _parts(typed: str) -> list[str]:
    parts = typed.split(",")
    if any(not part.strip() for part in parts):
        raise _problem(typed, "it has an empty step")
    return parts


def _sparsity(typed: str, argument: str) -> float:
    if not re.fullmatch(r"0?\.[0-9]{1,2}", argument) or not float(argument) > 0:
        raise _problem(typed, f"prune takes a share from 0.01 to 0.99, not {argument!r}")
    return float(argument)


def _recipe(typed: str, argument: str) -> Recipe:
    if argument not in RECIPES:
        raise _problem(typed, f"quantize takes {', '.join(RECIPES)}, not {argument!r}")
    return argument


def _percent(share: float) -> str:
    return f"{round(100 * share):02}"


def _problem(typed: str, what: str) -> UsageProblem:
    return UsageProblem(f"--steps {typed!r}: {what}. There is: {FORMS}; parted by a comma.")
