"""Profiles: which variants on which data set make a run.

They are data, in `profiles.toml`, so that a run is changed without touching code. Whatever is
wrong in such a file is said with its line, before anything is built.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any, get_args

from slimbench.errors import UsageProblem
from slimbench.paths import PROFILES, suite_folder
from slimbench.spec import Case, Group
from slimbench.suite.registry import unknown
from slimbench.suite.toml_file import TomlFile, read_toml, shown

OWN_PROFILE = "own"
"""What the profile of a run of a user's own models is called unless its user names it."""

ALL = "all"
"""Stands for as many threads as the machine has CPUs."""

Count = int | str
"""A number of threads, or `ALL`."""


OF_EVERY_PROFILE: tuple[Group, ...] = ("size", "accuracy", "latency")
"""The benchmarks of a profile that names none; another one takes minutes a variant."""


class ProfileError(UsageProblem):
    """A profile file that cannot be used; the message begins with `file:line`."""


@dataclass(frozen=True, slots=True)
class Profile:
    """A run by default: each of `variants` on each of `engines` with each of `threads`.

    `reference` is the variant that ratios are taken against, `seed` what all training starts from.
    `threads_of` names engines that are measured with other numbers of threads than the rest,
    `benchmarks` which files `bench/test_<benchmark>.py` are run.
    """

    name: str
    dataset: str
    reference: str
    variants: tuple[str, ...]
    engines: tuple[str, ...]
    threads: tuple[Count, ...]
    seed: int
    threads_of: Mapping[str, tuple[Count, ...]] = field(default_factory=dict)
    benchmarks: tuple[Group, ...] = field(default_factory=lambda: OF_EVERY_PROFILE)


def load_profiles(path: Path | None = None) -> dict[str, Profile]:
    """Read every profile of a file, by default the suite's, by name; raises `ProfileError`."""
    file = read_toml(path or suite_folder() / PROFILES, ProfileError)
    return {name: _profile(file, name) for name in file.tables}


def get_profile(name: str, path: Path | None = None) -> Profile:
    """Return one profile; raises `UsageProblem`, listing what exists, if there is none."""
    profiles = load_profiles(path)
    if name not in profiles:
        raise unknown("profile", name, list(profiles))
    return profiles[name]


def _profile(file: TomlFile, name: str) -> Profile:
    table = file.tables[name]
    if not isinstance(table, dict):
        raise ProfileError(f"{file.at(name)}: {name!r} must be the table of a profile.")
    keys = [each.name for each in fields(Profile) if each.name != "name"]
    needed = [each.name for each in fields(Profile) if each.default_factory is MISSING]
    for key in table:
        if key not in keys:
            raise ProfileError(
                f"{file.at(name, key)}: profile {name!r} has an unknown key {key!r}. "
                f"There is: {', '.join(keys)}."
            )
    if missing := [key for key in keys if key in needed and key not in table]:
        raise ProfileError(f"{file.at(name)}: profile {name!r} lacks {', '.join(missing)}.")

    def wrong(key: str, what: str) -> ProfileError:
        return ProfileError(f"{file.at(name, key)}: {key} of profile {name!r} {what}.")

    def text(key: str) -> str:
        value = table[key]
        if not isinstance(value, str) or not value:
            raise wrong(key, f"must be a name, not {shown(value)}")
        return value

    def names(key: str) -> tuple[str, ...]:
        value = table[key]
        is_names = isinstance(value, list) and all(isinstance(one, str) and one for one in value)
        if not is_names or not value:
            raise wrong(key, f"must be a list of one or more names, not {shown(value)}")
        return tuple(unrepeated(key, value))

    def unrepeated(key: str, value: list[Any]) -> list[Any]:
        for position, one in enumerate(value):
            if one in value[:position]:
                raise wrong(key, f"holds {one!r} twice: remove one")
        return value

    def counts(key: str, value: Any) -> tuple[Count, ...]:
        if not isinstance(value, list) or not value or not all(map(_is_count, value)):
            numbers = f"must be a list of whole numbers from 1 up, or {ALL!r}"
            raise wrong(key, f"{numbers}, not {shown(value)}")
        return tuple(unrepeated(key, value))

    def benchmarks() -> tuple[Group, ...]:
        if "benchmarks" not in table:
            return OF_EVERY_PROFILE
        named, known = names("benchmarks"), get_args(Group)
        if strange := [each for each in named if each not in known]:
            raise wrong("benchmarks", f"holds {strange[0]!r}. There is: {', '.join(known)}")
        return tuple(group for group in known if group in named)

    others = table.get("threads_of", {})
    if not isinstance(others, dict):
        raise wrong("threads_of", f"must be a table of engines, not {shown(others)}")
    seed = table["seed"]
    if not isinstance(seed, int) or isinstance(seed, bool) or not 0 <= seed < 2**32:
        raise wrong("seed", f"must be a whole number from 0 to 2**32 - 1, not {shown(seed)}")
    variants = names("variants")
    reference = text("reference")
    if reference not in variants:
        raise wrong("reference", f"is {reference!r}, which is not one of its variants: add it")
    return Profile(
        name=name,
        dataset=text("dataset"),
        reference=reference,
        variants=variants,
        engines=names("engines"),
        threads=counts("threads", table["threads"]),
        seed=seed,
        threads_of={engine: counts("threads_of", value) for engine, value in others.items()},
        benchmarks=benchmarks(),
    )


def _is_count(value: object) -> bool:
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return value == ALL or (is_number and int(str(value)) > 0)


def select(  # noqa: PLR0913 - the last four are what exists, each of another kind
    profile: Profile,
    *,
    engines: str | None,
    threads: str | None,
    known_variants: Collection[str],
    known_engines: Collection[str],
    cpu_count: int,
    runs: Callable[[str, str], bool] = lambda engine, variant: True,  # noqa: ARG005
) -> tuple[Case, ...]:
    """Return the cases of a run, engine by engine, then by threads, then in variant order.

    `engines` and `threads` are what the user typed, such as `litert,keras` and `1,2`; None takes
    the profile's. `runs` tells whether an engine can run a variant at all. Raises `UsageProblem`
    that lists what exists.
    """
    for variant in profile.variants:
        if variant not in known_variants:
            raise unknown(f"variant of profile {profile.name!r}", variant, list(known_variants))
    chosen = profile.engines if engines is None else _split("--engines", engines)
    for engine in (*chosen, *profile.threads_of):
        if engine not in known_engines:
            raise unknown("engine", engine, list(known_engines))

    def counts(engine: str) -> Collection[int]:
        own = profile.threads_of.get(engine, profile.threads)
        asked = own if threads is None else _split("--threads", threads)
        return dict.fromkeys(_count(str(one), cpu_count) for one in asked)

    return tuple(
        Case(variant, engine, count)
        for engine in chosen
        for count in counts(engine)
        for variant in profile.variants
        if runs(engine, variant)
    )


def _split(option: str, typed: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(part.strip() for part in typed.split(",")))
    if "" in names:
        raise UsageProblem(f"{option} {typed!r} has an empty entry: separate entries by one comma.")
    return names


def _count(typed: str, cpu_count: int) -> int:
    if typed == ALL:
        return cpu_count
    is_count = re.fullmatch(r"[0-9]{1,6}", typed) is not None
    if not is_count or not 1 <= int(typed) <= cpu_count:
        reach = "only 1" if cpu_count == 1 else f"1 to {cpu_count}"
        raise UsageProblem(
            f"{typed!r} is no number of threads for this machine of {cpu_count} "
            f"CPU{'s' if cpu_count > 1 else ''}. There is: {reach}."
        )
    return int(typed)
