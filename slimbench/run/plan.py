"""What one run is to do, settled and checked before anything is built."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from slimbench import budgets, engines
from slimbench.build.store import Store
from slimbench.cores import cores
from slimbench.errors import UsageProblem
from slimbench.report.words import Lang
from slimbench.run import evaluations
from slimbench.spec import NOTHING_CHOSEN, Budget, Case, Choices, Step, Variant
from slimbench.suite import profiles, variants
from slimbench.suite.profiles import Profile
from slimbench.user_models.request import UserRun


@dataclass(frozen=True, slots=True)
class Plan:
    """A profile with everything the user chose about it."""

    profile: Profile
    variants: dict[str, Variant]
    cases: tuple[Case, ...]
    default_cases: tuple[Case, ...]
    evaluations: Mapping[str, Step | None]
    """By variant, the step that holds what it is scored on; None where there is nothing."""
    budgets: tuple[Budget, ...]
    seed: int
    lang: Lang
    results: Path
    store: Store
    remarks: tuple[str, ...] = ()
    """What to tell about a user's own models before they are measured."""
    budget_file: Path | None = None
    """Where the budgets are from; None where the suite has none."""
    references: Mapping[str, str] = field(default_factory=dict)
    """By variant, what it is compared with, where that is not the profile's reference."""

    def reference_of(self, case: Case) -> Case:
        """Return the case that another is compared with: same engine, same threads."""
        reference = self.references.get(case.variant, self.profile.reference)
        return Case(reference, case.engine, case.threads)

    def is_whole(self, cases: Iterable[Case]) -> bool:
        """Tell whether these are all the cases of the profile as it stands in the file."""
        return set(self.default_cases) <= set(cases)


def make_plan(  # noqa: PLR0913 - one argument for each thing a user can choose
    *,
    profile: str,
    engine_list: str | None = None,
    thread_list: str | None = None,
    seed: int | None = None,
    budget_file: Path | None,
    lang: Lang,
    results: Path,
    choices: Choices = NOTHING_CHOSEN,
    user_run: UserRun | None = None,
) -> Plan:
    """Check every choice; raises UsageProblem that says what exists.

    With `user_run` the run is of a user's models, and its profile replaces the one that is named.
    """
    known = profiles.load_profiles()
    if user_run is None:
        chosen = profiles.get_profile(profile)
        available: Mapping[str, Variant] = variants.all_variants(chosen.dataset, choices)
    else:
        chosen, available = user_run.profile, user_run.variants
        known = {**known, chosen.name: chosen}

    def runs(engine: str, variant: str) -> bool:
        return engines.get(engine).takes == "tflite" or available[variant].trained is not None

    def cases(engine_list: str | None, thread_list: str | None) -> tuple[Case, ...]:
        return profiles.select(
            chosen,
            engines=engine_list,
            threads=thread_list,
            known_variants=available,
            known_engines=engines.names(),
            cpu_count=cores(),
            runs=runs,
        )

    selected = cases(engine_list, thread_list)
    default = cases(None, None) if user_run is None else selected
    _check_threads(selected)
    variants_of = {name: profile.variants for name, profile in known.items()}
    limits = (
        ()
        if budget_file is None
        else budgets.load_budgets(budget_file, chosen.name, variants_of, engines.names())
    )
    if seed is not None and not 0 <= seed < 2**32:
        raise UsageProblem(f"--seed must be a whole number from 0 to 2**32 - 1, not {seed}.")
    check_writable(results)
    store = Store()
    store.prepare()
    store.remember_results(results)
    scored_on = (
        evaluations.evaluations([available[name] for name in chosen.variants], choices)
        if user_run is None
        else {name: variant.evaluation for name, variant in available.items()}
    )
    return Plan(
        profile=chosen,
        variants={name: available[name] for name in chosen.variants},
        cases=selected,
        default_cases=default,
        evaluations=scored_on,
        budgets=tuple(limits),
        budget_file=budget_file,
        seed=chosen.seed if seed is None else seed,
        lang=lang,
        results=results,
        store=store,
        remarks=(
            *(() if user_run is None else user_run.remarks),
            *evaluations.remarks(scored_on.values()),
        ),
    )


def _check_threads(cases: Iterable[Case]) -> None:
    """Refuse now what TensorFlow refuses later: it takes a number of threads once a process."""
    for name in dict.fromkeys(case.engine for case in cases):
        counts = sorted({case.threads for case in cases if case.engine == name})
        if engines.get(name).takes == "keras" and len(counts) > 1:
            listed = ", ".join(map(str, counts))
            raise UsageProblem(
                f"Engine {name} can be measured with one number of threads in a run, not with "
                f"{listed}. Give each a run of its own, such as --engines {name} "
                f"--threads {counts[0]}."
            )


def check_writable(results: Path) -> None:
    """Raise UsageProblem where no history can be saved; the folder need not exist yet.

    It is asked before anything is measured.
    """
    there = next(path for path in (results, *results.parents) if os.access(path, os.F_OK))
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        raise UsageProblem(
            f"No history can be saved in {results}: {there} is not a folder that can be written. "
            "Name another with --results."
        )
