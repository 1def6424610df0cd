"""What is measured: one file per technique or family, each with `VARIANTS`.

Where it depends on a user's choices, such as whose weights, `make_variants(dataset, choices)`
instead.

A variant's name decodes: `<architecture>[w<width>][r<resolution>]_<technique>_<precision>`, the
width in hundredths (`w035` is 0.35), the precision a short form of the quantiser's recipe names.
"""

from __future__ import annotations

import importlib

from slimbench.spec import NOTHING_CHOSEN, Choices, Variant
from slimbench.suite import registry


def all_variants(dataset: str, choices: Choices = NOTHING_CHOSEN) -> dict[str, Variant]:
    """Return every variant that is made for a data set, by name."""
    package = importlib.import_module("bench.variants")
    families = [
        *registry.constants(package, "VARIANTS"),
        *(make(dataset, choices) for make in registry.constants(package, "make_variants")),
    ]
    found: dict[str, Variant] = {}
    for family in families:
        for variant in family:
            if variant.dataset != dataset:
                continue
            if variant.name in found:
                raise ValueError(f"Two files define the variant {variant.name} for {dataset}.")
            found[variant.name] = variant
    return found


def get(name: str, dataset: str) -> Variant:
    """Return a variant; raises UsageProblem that lists what exists."""
    known = all_variants(dataset)
    if name not in known:
        raise registry.unknown("variant", name, known)
    return known[name]
