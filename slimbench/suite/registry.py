"""Finding what the folders of the suite hold: one file each, no list to keep.

A module takes part by defining the constant its folder looks for (`DATASET`, `ENGINE`, ...), so
that adding one is adding a file.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from slimbench.errors import UsageProblem


def modules(package: ModuleType) -> Iterator[ModuleType]:
    """Yield the package's modules, imported, in the order of their names."""
    for info in sorted(pkgutil.iter_modules(package.__path__), key=lambda info: info.name):
        yield importlib.import_module(f"{package.__name__}.{info.name}")


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
    found: dict[str, Any] = {}
    for each in constants(package, constant):
        if each.name in found:
            raise ValueError(f"Two files of {package.__name__} define {each.name!r}.")
        found[each.name] = each
    return found


def unknown(what: str, name: str, known: object) -> UsageProblem:
    """Say that `name` does not exist, and what does."""
    names = ", ".join(sorted(known)) if isinstance(known, (list, tuple, set, dict)) else str(known)
    return UsageProblem(f"There is no {what} {name!r}. There is: {names or 'none'}.")
