"""What one run is to do, settled and checked before anything is built."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from bench import budgets, engines, profiles, variants
from bench.errors import UsageProblem
from bench.profiles import Profile
from bench.report.words import Lang
from bench.spec import Budget, Case, Variant
from bench.steps.images import Images
from bench.steps.store import Store


@dataclass(frozen=True, slots=True)
class Plan:
    """A profile with everything the user chose about it."""

    profile: Profile
    variants: dict[str, Variant]
    cases: tuple[Case, ...]
    budgets: tuple[Budget, ...]
    seed: int
    lang: Lang
    results: Path
    store: Store

    def reference_of(self, case: Case) -> Case:
        """Return the case that another is compared with: same engine, same threads."""
        return Case(self.profile.reference, case.engine, case.threads)

    @property
    def images(self) -> Images:
        """The data that the profile is scored on."""
        return Images(self.profile.dataset)

    def is_whole(self, cases: Iterable[Case]) -> bool:
        """Tell whether these are all the cases of the profile as it stands in the file."""
        default = {
            Case(variant, engine, threads)
            for variant in self.profile.variants
            for engine in self.profile.engines
            for threads in self.profile.threads
        }
        return default <= set(cases)


def make_plan(  # noqa: PLR0913 - one argument for each thing a user can choose
    *,
    profile: str,
    engine_list: str | None = None,
    thread_list: str | None = None,
    seed: int | None = None,
    budget_file: Path = budgets.DEFAULT,
    lang: Lang,
    results: Path,
) -> Plan:
    """Check every choice; raises UsageProblem that says what exists."""
    known = profiles.load_profiles()
    chosen = profiles.get_profile(profile)
    made = variants.all_variants(chosen.dataset)
    cases = profiles.select(
        chosen,
        engines=engine_list,
        threads=thread_list,
        known_variants=made,
        known_engines=engines.names(),
        cpu_count=os.cpu_count() or 1,
    )
    limits = budgets.load_budgets(
        budget_file,
        chosen.name,
        {each.name: each.variants for each in known.values()},
        engines.names(),
    )
    if seed is not None and not 0 <= seed < 2**32:
        raise UsageProblem(f"--seed must be a whole number from 0 to 2**32 - 1, not {seed}.")
    _check_writable(results)
    store = Store()
    store.prepare()
    return Plan(
        profile=chosen,
        variants={name: made[name] for name in chosen.variants},
        cases=tuple(cases),
        budgets=tuple(limits),
        seed=chosen.seed if seed is None else seed,
        lang=lang,
        results=results,
        store=store,
    )


def _check_writable(results: Path) -> None:
    """Refuse now, not after everything was measured; the folder itself need not exist yet."""
    there = next(path for path in (results, *results.parents) if os.access(path, os.F_OK))
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        raise UsageProblem(
            f"No history can be saved in {results}: {there} is not a folder that can be written. "
            "Name another with --results."
        )
