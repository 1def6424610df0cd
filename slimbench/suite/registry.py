"""Finding extensions: one file each, no list to keep.

A module takes part by defining the constant its folder looks for (`DATASET`, `ENGINE`, ...), so
that adding one is adding a file: to the library, or to the folder of the same name in one's suite.
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from slimbench.errors import UsageProblem
from slimbench.paths import suite_folder

EXTENSIBLE = ("variants", "datasets", "networks", "steps", "engines", "metrics")
"""The folders of a suite whose files are searched beside the library's."""


def modules(package: ModuleType) -> Iterator[ModuleType]:
    """Yield the modules of a package of the library, then those that the suite adds to it.

    Each in the order of their names.

    Raises:
        UsageProblem: A file of the suite cannot be imported; the message names it.
    """
    for name in _names(package):
        yield importlib.import_module(name)
    kind = package.__name__.removeprefix("slimbench.")
    if kind in EXTENSIBLE:
        yield from suite_modules(kind)


def suite_modules(kind: str) -> Iterator[ModuleType]:
    """Yield the modules in a folder of the suite, such as `variants`, in the order of their names.

    Raises:
        UsageProblem: One cannot be imported; the message names it.
    """
    folder = suite_folder() / kind
    if not folder.is_dir():
        return
    for name in _names(importlib.import_module(f"slimbench._suite.{kind}")):
        try:
            yield importlib.import_module(name)
        except Exception as error:
            file = folder / f"{name.rpartition('.')[2]}.py"
            raise UsageProblem(
                f"{file} cannot be imported: {type(error).__name__}: {error}. "
                "Mend it, or take it out of the suite."
            ) from error


def _names(package: ModuleType) -> list[str]:
    names = (info.name for info in pkgutil.iter_modules(package.__path__))
    return [f"{package.__name__}.{name}" for name in sorted(names)]


def constants(package: ModuleType, constant: str) -> Iterator[Any]:
    """Yield the value of `constant` from each module that defines it."""
    for module in modules(package):
        if hasattr(module, constant):
            yield getattr(module, constant)


def constant(package: ModuleType, constant: str, module: str) -> Any:
    """Return the value of `constant` from one module; no other one is imported.

    Raises:
        LookupError: There is no such module, or it defines no such constant.
    """
    if module in {info.name for info in pkgutil.iter_modules(package.__path__)}:
        found = importlib.import_module(f"{package.__name__}.{module}")
        if hasattr(found, constant):
            return getattr(found, constant)
    raise LookupError(module)


def by_name(package: ModuleType, constant: str) -> dict[str, Any]:
    """Return each module's constant under its `name`; raises ValueError where two share one."""
    values: dict[str, Any] = {}
    for value in constants(package, constant):
        if value.name in values:
            raise ValueError(f"Two files of {package.__name__} define {value.name!r}.")
        values[value.name] = value
    return values


def unknown(what: str, name: str, known: object) -> UsageProblem:
    """Say that `name` does not exist, and what does."""
    names = ", ".join(sorted(known)) if isinstance(known, (list, tuple, set, dict)) else str(known)
    return UsageProblem(f"There is no {what} {name!r}. There is: {names or 'none'}.")
