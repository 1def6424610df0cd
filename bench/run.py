"""One run: what it builds, measures and judges, gathered until it is written down."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from bench.budgets import Judgement, applicable, judge
from bench.plan import Plan
from bench.spec import MODEL_FILE, Case, Group, Labels, Pixels, Step, Variant
from bench.steps import gzip_size
from bench.steps.build import Failure, Outcome, Watcher, build
from bench.steps.gzip_size import GzipSize
from bench.steps.images import evaluation_images
from bench.steps.store import Artifact
from bench.stopwatch import Stopwatch
from bench.subject import MeasuredSubject

GROUPS: tuple[Group, ...] = ("size", "accuracy", "latency")


@dataclass(slots=True)
class Run:
    """The state of a run; everything in it ends up in the history."""

    plan: Plan
    stopwatch: Stopwatch
    outcome: Outcome | None = None
    images: Pixels | None = None
    labels: Labels | None = None
    subjects: dict[Case, MeasuredSubject] = field(default_factory=dict)
    finished: dict[Case, set[Group]] = field(default_factory=dict)
    judgements: dict[tuple[Case, str], Judgement] = field(default_factory=dict)

    def build(self, cases: Iterable[Case], watcher: Watcher) -> None:
        """Build what these cases and their references need, and read the evaluation images."""
        names = dict.fromkeys([self.plan.profile.reference, *(case.variant for case in cases)])
        chains: list[Step] = [self.plan.variants[name].chain for name in names]
        gzipped = [GzipSize(chain) for chain in chains]
        self.outcome = build(
            [self.plan.images, *chains, *gzipped], self.plan.seed, self.plan.store, watcher
        )
        self.stopwatch.credit(self.outcome.seconds)
        images = self.outcome.results[self.plan.images]
        if isinstance(images, Artifact):
            self.images, self.labels, _ = evaluation_images(images.folder)

    def result(self, variant: Variant) -> Artifact | Failure:
        """Return what building a variant gave."""
        if self.outcome is None:
            raise RuntimeError("Nothing was built yet.")
        images = self.outcome.results[self.plan.images]
        return images if isinstance(images, Failure) else self.outcome.results[variant.chain]

    def missing(self) -> dict[str, str]:
        """Return the variants that could not be had here, each with the reason."""
        if self.outcome is None:
            return {}
        results = {
            name: self.result(variant)
            for name, variant in self.plan.variants.items()
            if variant.chain in self.outcome.results
        }
        return {
            name: result.reason
            for name, result in results.items()
            if isinstance(result, Failure) and result.missing
        }

    def subject(self, case: Case) -> MeasuredSubject:
        """Return the subject of a case, with its reference; ValueError if it was not built."""
        if case not in self.subjects:
            reference_case = self.plan.reference_of(case)
            reference, why_not = None, ""
            if case != reference_case:
                try:
                    reference = self.subject(reference_case)
                except ValueError as error:
                    why_not = f"the reference {reference_case.variant} is not there: {error}"
            self.subjects[case] = self._new_subject(case, reference, why_not)
        return self.subjects[case]

    def hold(self, case: Case, group: Group) -> list[Judgement]:
        """Read a benchmark's metrics and judge the budgets on them; returns all judgements."""
        subject = self.subject(case)
        subject.read_group(group)
        self.finished.setdefault(case, set()).add(group)
        judged = [
            judge(budget, subject.readings) for budget in applicable(self.plan.budgets, case, group)
        ]
        self.judgements.update({(case, each.budget.name): each for each in judged})
        return judged

    def release(self, case: Case) -> None:
        """Free a case's model unless others are compared with it."""
        if case in self.subjects and case != self.plan.reference_of(case):
            self.subjects[case].close()

    def is_finished(self, case: Case, groups: Iterable[Group]) -> bool:
        """Tell whether a case was measured in all of these benchmarks."""
        return set(groups) <= self.finished.get(case, set())

    def _new_subject(
        self, case: Case, reference: MeasuredSubject | None, why_not: str
    ) -> MeasuredSubject:
        result = self.result(self.plan.variants[case.variant])
        if isinstance(result, Failure):
            raise ValueError(result.reason)
        if self.images is None or self.labels is None:
            raise ValueError("its evaluation images are not there")
        return MeasuredSubject(
            case,
            result.file(MODEL_FILE),
            images=self.images,
            labels=self.labels,
            gzip_size=self._gzip_size(case),
            stopwatch=self.stopwatch,
            reference=reference,
            is_reference=case == self.plan.reference_of(case),
            reference_reason=why_not,
        )

    def _gzip_size(self, case: Case) -> int | None:
        step = GzipSize(self.plan.variants[case.variant].chain)
        result = self.outcome.results.get(step) if self.outcome else None
        return gzip_size.read(result.folder) if isinstance(result, Artifact) else None
