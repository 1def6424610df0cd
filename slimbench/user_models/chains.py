"""The steps that a user names for a model: `prune(0.5),quantize(static_wi8_ai8)`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import get_args

from slimbench.errors import UsageProblem
from slimbench.steps.quantize import Recipe

RECIPES: tuple[Recipe, ...] = get_args(Recipe)

FORMS = f"prune(SHARE) with a share of zeros such as 0.5, quantize({'|'.join(RECIPES)})"
"""Every step there is, for messages and help."""

_STEP = re.compile(r"\s*([a-z_]+)\s*\(\s*([A-Za-z0-9_.]+)\s*\)\s*")


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


def parse(typed: str) -> Chain:
    """Read `--steps`; raises UsageProblem that says what can be written."""
    chain = Chain()
    for part in _parts(typed):
        match = _STEP.fullmatch(part)
        if match is None:
            raise _refused(typed, f"{part.strip()!r} is no step")
        step, argument = match.groups()
        if step == "prune":
            if chain != Chain():
                raise _refused(typed, "prune comes first, and once")
            chain = Chain(sparsity=_sparsity(typed, argument))
        elif step == "quantize":
            if chain.recipe is not None:
                raise _refused(typed, "quantize comes last, and once")
            chain = Chain(chain.sparsity, _recipe(typed, argument))
        else:
            raise _refused(typed, f"there is no step {step!r}")
    return chain


def _parts(typed: str) -> list[str]:
    parts = typed.split(",")
    if any(not part.strip() for part in parts):
        raise _refused(typed, "it has an empty step")
    return parts


def _sparsity(typed: str, argument: str) -> float:
    if not re.fullmatch(r"0?\.[0-9]{1,2}", argument) or not float(argument) > 0:
        raise _refused(typed, f"prune takes a share from 0.01 to 0.99, not {argument!r}")
    return float(argument)


def _recipe(typed: str, argument: str) -> Recipe:
    if argument not in RECIPES:
        raise _refused(typed, f"quantize takes {', '.join(RECIPES)}, not {argument!r}")
    return argument


def _percent(share: float) -> str:
    return f"{round(100 * share):02}"


def _refused(typed: str, what: str) -> UsageProblem:
    return UsageProblem(f"--steps {typed!r}: {what}. There is: {FORMS}; parted by a comma.")
