"""One run: what it builds, measures and judges, gathered until it is written down."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from slimbench import engines
from slimbench.budgets import Judgement, applicable, judge
from slimbench.build.scheduler import Failure, Outcome, Watcher, build
from slimbench.build.store import Artifact
from slimbench.datasets.evaluation import Evaluation, load_evaluation
from slimbench.measurement.stopwatch import Stopwatch
from slimbench.networks import weights
from slimbench.run.plan import Plan
from slimbench.run.subject import MeasuredSubject
from slimbench.spec import KERAS_FILE, MODEL_FILE, Case, Group, Step
from slimbench.steps import gzip_size
from slimbench.steps.gzip_size import GzipSize

MAIN_ENGINE = "litert"
"""The runtime that every variant is made for."""

NO_IMAGES = "no images to score on were given; name a folder with --data or SLIMBENCH_DATA"
RANDOM = "its weights are random (--weights random), so its answers mean nothing"


@dataclass(slots=True)
class Run:
    """The state of a run; everything in it ends up in the history."""

    plan: Plan
    stopwatch: Stopwatch
    outcome: Outcome | None = None
    evaluations: dict[Step, Evaluation] = field(default_factory=dict)
    subjects: dict[Case, MeasuredSubject] = field(default_factory=dict)
    finished: dict[Case, set[Group]] = field(default_factory=dict)
    judgements: dict[tuple[Case, str], Judgement] = field(default_factory=dict)
    refused: dict[Case, str] = field(default_factory=dict)
    """Cases whose runtime does not take the file, and what it says of it."""

    def build(self, cases: Iterable[Case], watcher: Watcher) -> None:
        """Build what these cases and their references need, and open the evaluation images.

        What earlier calls built stays.
        """
        needed = [side for case in cases for side in (self.plan.reference_of(case), case)]
        models = list(dict.fromkeys(map(self._model_of, needed)))
        files = dict.fromkeys(
            self._model_of(case) for case in needed if self.file_of(case) == MODEL_FILE
        )
        images = [self.plan.evaluations[case.variant] for case in needed]
        evaluations = list(dict.fromkeys(step for step in images if step is not None))
        built = build(
            [*evaluations, *models, *map(GzipSize, files)],
            self.plan.seed,
            self.plan.store,
            watcher,
        )
        self.stopwatch.credit(built.seconds)
        earlier = {} if self.outcome is None else self.outcome.results
        self.outcome = replace(built, results={**earlier, **built.results})
        for step in evaluations:
            result = self.outcome.results[step]
            if isinstance(result, Artifact):
                self.evaluations[step] = load_evaluation(result.folder)

    def result(self, case: Case) -> Artifact | Failure:
        """Return what building a case's model gave."""
        if self.outcome is None:
            raise RuntimeError("Nothing was built yet.")
        images = self.plan.evaluations[case.variant]
        prepared = None if images is None else self.outcome.results[images]
        if isinstance(prepared, Failure):
            return prepared
        return self.outcome.results[self._model_of(case)]

    def _model_of(self, case: Case) -> Step:
        """Return the step whose result an engine loads."""
        variant = self.plan.variants[case.variant]
        if engines.get(case.engine).takes == "tflite":
            return variant.chain
        if variant.trained is None:
            raise ValueError(f"{case.variant} is no plain Keras network.")
        return variant.trained

    def file_of(self, case: Case) -> str:
        """Return the name of the file that an engine loads."""
        return MODEL_FILE if engines.get(case.engine).takes == "tflite" else KERAS_FILE

    def missing(self) -> dict[str, str]:
        """Return what could not be had here, by variant: not built, or refused by a runtime."""
        refused = {case.variant: f"{case.engine}: {why}" for case, why in self.refused.items()}
        return {**refused, **self.absent()}

    def absent(self) -> dict[str, str]:
        """Return the variants that could not be built here, each with the reason."""
        if self.outcome is None:
            return {}
        results = {
            case.variant: self.result(case)
            for case in self.plan.cases
            if self._model_of(case) in self.outcome.results
        }
        return {
            name: result.reason
            for name, result in results.items()
            if isinstance(result, Failure) and result.missing
        }

    def refusal(self, case: Case) -> str:
        """Say why a case's runtime does not take its file, or nothing where it does.

        A file that LiteRT does not take is a fault of the file, and raises ValueError; that other
        runtimes do not take all files is what a user wants to learn.
        """
        if case.engine != MAIN_ENGINE and case not in self.refused:
            subject = self.subject(case)
            try:
                _ = subject.session
            except ValueError as error:
                self.refused[case] = str(error).replace(str(subject.model), "its file")
                del self.subjects[case]
        return self.refused.get(case, "")

    def subject(self, case: Case) -> MeasuredSubject:
        """Return the subject of a case, with its reference; ValueError if it was not built."""
        if case not in self.subjects:
            reference_case = self.plan.reference_of(case)
            reference, why_not = None, ""
            if case != reference_case:
                try:
                    reference = self.subject(reference_case)
                    refusal = self.refusal(reference_case)
                except ValueError as error:
                    refusal = str(error)
                if refusal:
                    reference = None
                    why_not = f"the reference {reference_case.variant} is not there: {refusal}"
            self.subjects[case] = self._new_subject(case, reference, why_not)
        return self.subjects[case]

    def hold(self, case: Case, group: Group) -> list[Judgement]:
        """Read a benchmark's metrics and judge the budgets on them; returns all judgements."""
        subject = self.subject(case)
        subject.read_group(group)
        self.finished.setdefault(case, set()).add(group)
        judgements = [
            judge(budget, subject.readings) for budget in applicable(self.plan.budgets, case, group)
        ]
        self.judgements.update({(case, one.budget.name): one for one in judgements})
        return judgements

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
        result = self.result(case)
        if isinstance(result, Failure):
            raise ValueError(result.reason)
        images = self.plan.evaluations[case.variant]
        return MeasuredSubject(
            case,
            result.file(self.file_of(case)),
            evaluation=None if images is None else self.evaluations[images],
            no_accuracy_reason=NO_IMAGES if images is None else _meaningless(result),
            pixels=self.plan.variants[case.variant].pixels,
            gzip_size=self._gzip_size(case),
            stopwatch=self.stopwatch,
            reference=reference,
            is_reference=case == self.plan.reference_of(case),
            reference_reason=why_not,
        )

    def _gzip_size(self, case: Case) -> int | None:
        step = GzipSize(self._model_of(case))
        result = self.outcome.results.get(step) if self.outcome else None
        return gzip_size.read(result.folder) if isinstance(result, Artifact) else None


def _meaningless(artifact: Artifact) -> str:
    """Say why counting a model's right answers would mean nothing, or nothing."""
    try:
        notes = weights.read_notes(artifact.folder)
    except FileNotFoundError:
        return ""
    return RANDOM if notes.get("weights") == "random" else ""
