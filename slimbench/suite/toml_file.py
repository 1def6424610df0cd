"""TOML files that a user writes: whatever is wrong in one is said with its line.

tomllib forgets where a key stood; here every statement is parsed once more on its own to find out.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from slimbench.errors import UsageProblem

Keys = tuple[str, ...]
"""Where a value stands in a TOML file: the keys that lead to it."""


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
