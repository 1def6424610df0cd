"""What a user asks for with `--model`, and what is settled about it before anything is measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from slimbench.spec import PixelMode, Variant
from slimbench.suite.profiles import Profile

PROFILE = "own"
"""What the profile of such a run is called unless its user names it."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a user asked for with `--model` and its companions, as typed."""

    models: tuple[str, ...]
    labels: Path | None = None
    pixels: PixelMode | None = None
    steps: tuple[str, ...] = ()
    profile: str = PROFILE


@dataclass(frozen=True, slots=True)
class OwnRun:
    """The profile of a run of one's own models, its variants, and what to tell about them."""

    profile: Profile
    variants: Mapping[str, Variant]
    remarks: tuple[str, ...]
