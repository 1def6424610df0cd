"""What a user asks for with `--model`, and what is settled about it before anything is measured."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from slimbench.errors import UsageProblem
from slimbench.spec import PixelMode, Variant
from slimbench.steps.own_file import Source, content_of, form_of, unreadable
from slimbench.suite.profiles import OWN_PROFILE, Profile

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.]{0,79}")


@dataclass(frozen=True, slots=True)
class Request:
    """What a user asked for with `--model` and its companions, as typed."""

    models: tuple[str, ...]
    labels: Path | None = None
    pixels: PixelMode | None = None
    steps: tuple[str, ...] = ()
    profile: str = OWN_PROFILE


@dataclass(frozen=True, slots=True)
class OwnRun:
    """The profile of a run of one's own models, its variants, and what to tell about them."""

    profile: Profile
    variants: Mapping[str, Variant]
    remarks: tuple[str, ...]


def find_sources(typed: Sequence[str]) -> tuple[Source, ...]:
    """Return the models of `--model NAME=PATH` options, in their order.

    Raises:
        UsageProblem: One is not written so, is no model, cannot be read, or shares its name.
    """
    found: dict[str, Source] = {}
    for each in typed:
        source = _find(each)
        if source.name in found:
            raise UsageProblem(
                f"Two models are called {source.name!r}: {found[source.name].path} and "
                f"{source.path}. Give each --model a name of its own."
            )
        found[source.name] = source
    return tuple(found.values())


def _find(typed: str) -> Source:
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
    place = Path(path).expanduser().absolute()
    form = form_of(place)
    try:
        return Source(name, place, form, content_of(place))
    except OSError as error:
        raise unreadable(place, error) from error
