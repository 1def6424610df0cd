"""Profiles: which variants on which data set make a run.

They are data, in `profiles.toml`, so that a run is changed without touching code. Whatever is
wrong in such a file is said with its line, before anything is built.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from bench.errors import UsageProblem
from bench.registry import unknown
from bench.spec import Case

DEFAULT = Path(__file__).with_name("profiles.toml")

Keys = tuple[str, ...]
"""Where a value stands in a TOML file: the keys that lead to it."""


class ProfileError(UsageProblem):
    """A profile file that cannot be used; the message begins with `file:line`."""


@dataclass(frozen=True, slots=True)
class Profile:
    """A run by default: each of `variants` on each of `engines` with each of `threads`.

    `reference` is the variant that ratios are taken against, `seed` what all training starts from.
    """

    name: str
    dataset: str
    reference: str
    variants: tuple[str, ...]
    engines: tuple[str, ...]
    threads: tuple[int, ...]
    seed: int


@dataclass(frozen=True, slots=True)
class TomlFile:
    """A parsed TOML file that still knows on which line each key stands, which tomllib forgets."""

    path: Path
    tables: Mapping[str, Any]
    lines: Mapping[Keys, int]

    def line(self, *keys: str) -> int:
        """Return the line (from 1) of these keys, or of the nearest table around them."""
        while keys and keys not in self.lines:
            keys = keys[:-1]
        return self.lines.get(keys, 1)

    def at(self, *keys: str) -> str:
        """Return `file:line`, as editors and terminals turn into a link."""
        return f"{self.path}:{self.line(*keys)}"


def read_toml(path: Path, problem: type[UsageProblem]) -> TomlFile:
    """Read a TOML file; raise `problem`, naming file and line, if that cannot be done."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise problem(f"{path}: cannot be read: {error.strerror or error}.") from error
    try:
        text = raw.decode().replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise problem(f"{path}:{line}: is not UTF-8 text: save it as UTF-8.") from error
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r" \(at (?:line (\d+), column \d+|end of document)\)$", str(error))
        last = text.rstrip("\n").count("\n") + 1
        line = int(found[1]) if found and found[1] else last
        said = str(error)[: found.start()] if found else str(error)
        raise problem(f"{path}:{line}: is not TOML: {said}.") from error
    except (ValueError, RecursionError) as error:  # an endless number, or too much nesting
        start = next((line for line, parsed in _statements(text) if parsed is None), 1)
        raise problem(f"{path}:{start}: this value is too long or too deeply nested.") from error
    return TomlFile(path, tables, _lines(text))


def _statements(text: str) -> Iterator[tuple[int, tuple[str, dict[str, Any]] | None]]:
    """Yield the first line of each statement, with its text and value; None if unparseable.

    A header or a `key = value` is a TOML document of its own, and no part of one that ends at a
    line's end is, so lines are gathered until they parse.
    """
    gathered: list[str] = []
    for number, line in enumerate(text.split("\n"), start=1):
        gathered.append(line)
        statement = "\n".join(gathered)
        try:
            parsed = tomllib.loads(statement)
        except tomllib.TOMLDecodeError:
            continue
        except (ValueError, RecursionError):
            yield number - len(gathered) + 1, None
            return
        yield number - len(gathered) + 1, (statement, parsed)
        gathered = []


def _lines(text: str) -> dict[Keys, int]:
    """Map the keys of every table and value of a valid TOML document to their first line."""
    lines: dict[Keys, int] = {}
    header: Keys = ()
    for number, statement in _statements(text):
        if statement is None:
            continue
        source, value = statement
        is_header = source.lstrip(" \t").startswith("[")
        base: Keys = () if is_header else header
        deepest = base
        rest: list[tuple[Keys, Any]] = [(base, value)]
        while rest:
            keys, inner = rest.pop()
            lines.setdefault(keys, number)
            deepest = max(deepest, keys, key=len)
            if is_header and isinstance(inner, list):
                inner = inner[0]
            if isinstance(inner, dict):
                rest.extend(((*keys, key), below) for key, below in inner.items())
        if is_header:
            header = deepest
            lines[header] = number
    return lines


def shown(value: object) -> str:
    """Return a value as an error shows it: on one line, and cut where it is long."""
    try:
        text = repr(value)
    except ValueError:  # Python writes no number of more than 4,300 digits
        text = f"a {type(value).__name__} too long to show"
    return text if len(text) <= 80 else f"{text[:77]}..."


def load_profiles(path: Path = DEFAULT) -> dict[str, Profile]:
    """Read every profile of a file, by name; raises `ProfileError`."""
    file = read_toml(path, ProfileError)
    return {name: _profile(file, name) for name in file.tables}


def get_profile(name: str, path: Path = DEFAULT) -> Profile:
    """Return one profile; raises `UsageProblem`, listing what exists, if there is none."""
    profiles = load_profiles(path)
    if name not in profiles:
        raise unknown("profile", name, list(profiles))
    return profiles[name]


def _profile(file: TomlFile, name: str) -> Profile:
    table = file.tables[name]
    if not isinstance(table, dict):
        raise ProfileError(f"{file.at(name)}: {name!r} must be the table of a profile.")
    keys = [field.name for field in fields(Profile) if field.name != "name"]
    for key in table:
        if key not in keys:
            raise ProfileError(
                f"{file.at(name, key)}: profile {name!r} has an unknown key {key!r}. "
                f"There is: {', '.join(keys)}."
            )
    if missing := [key for key in keys if key not in table]:
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

    threads = table["threads"]
    if not isinstance(threads, list) or not threads or not all(map(_is_positive, threads)):
        raise wrong("threads", f"must be a list of whole numbers from 1 up, not {shown(threads)}")
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
        threads=tuple(unrepeated("threads", threads)),
        seed=seed,
    )


def _is_positive(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def select(  # noqa: PLR0913 - the last three are what exists, each of another kind
    profile: Profile,
    *,
    engines: str | None,
    threads: str | None,
    known_variants: Collection[str],
    known_engines: Collection[str],
    cpu_count: int,
) -> tuple[Case, ...]:
    """Return the cases of a run, engine by engine, then by threads, then in variant order.

    `engines` and `threads` are what the user typed, such as `litert,keras` and `1,2`; None takes
    the profile's. Raises `UsageProblem` that lists what exists.
    """
    for variant in profile.variants:
        if variant not in known_variants:
            raise unknown(f"variant of profile {profile.name!r}", variant, list(known_variants))
    chosen = profile.engines if engines is None else _split("--engines", engines)
    for engine in chosen:
        if engine not in known_engines:
            raise unknown("engine", engine, list(known_engines))
    asked = profile.threads if threads is None else _split("--threads", threads)
    counts = dict.fromkeys(_count(str(one), cpu_count) for one in asked)
    return tuple(
        Case(variant, engine, count)
        for engine in chosen
        for count in counts
        for variant in profile.variants
    )


def _split(option: str, typed: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(part.strip() for part in typed.split(",")))
    if "" in names:
        raise UsageProblem(f"{option} {typed!r} has an empty entry: separate entries by one comma.")
    return names


def _count(typed: str, cpu_count: int) -> int:
    is_count = re.fullmatch(r"[0-9]{1,6}", typed) is not None
    if not is_count or not 1 <= int(typed) <= cpu_count:
        reach = "only 1" if cpu_count == 1 else f"1 to {cpu_count}"
        raise UsageProblem(
            f"{typed!r} is no number of threads for this machine of {cpu_count} "
            f"CPU{'s' if cpu_count > 1 else ''}. There is: {reach}."
        )
    return int(typed)
