"""What is measured: the variants that the suite's files in `variants/` define.

One file for each technique or family, with `VARIANTS`; where it depends on a user's choices, such
as whose weights, with `make_variants(dataset, choices)` instead.

A variant's name decodes: `<architecture>[w<width>][r<resolution>]_<technique>_<precision>`, the
width in hundredths (`w035` is 0.35), the precision a short form of the quantiser's recipe names.
"""

from __future__ import annotations

from slimbench.spec import NOTHING_CHOSEN, Choices, Variant
from slimbench.suite import registry


def all_variants(dataset: str, choices: Choices = NOTHING_CHOSEN) -> dict[str, Variant]:
    """Return every variant that is made for a data set, by name."""
    families: list[tuple[Variant, ...]] = []
    for module in registry.suite_modules("variants"):
        families.append(getattr(module, "VARIANTS", ()))
        if hasattr(module, "make_variants"):
            families.append(module.make_variants(dataset, choices))
    variants: dict[str, Variant] = {}
    for variant in (variant for family in families for variant in family):
        if variant.dataset != dataset:
            continue
        if variant.name in variants:
            raise ValueError(f"Two files define the variant {variant.name} for {dataset}.")
        variants[variant.name] = variant
    return variants


def get(name: str, dataset: str) -> Variant:
    """Return a variant; raises UsageProblem that lists what exists."""
    known = all_variants(dataset)
    if name not in known:
        raise registry.unknown("variant", name, known)
    return known[name]
