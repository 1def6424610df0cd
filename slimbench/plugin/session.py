"""Models that tests of one's own measure with the fixture `slim`, and their common history.

Each call plans a run of its own, as `slimbench run` does, and joins it to those before, so that all
models of a pytest session are saved as one history.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Generator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from pytest_benchmark.utils import get_machine_id
from rich.console import Console

from slimbench import engines
from slimbench.budgets import EVERY, BudgetError, kinds, load_budgets, make_budgets
from slimbench.build.scheduler import Failure
from slimbench.build.store import Store
from slimbench.cores import cores
from slimbench.environment import replace_unknown_characters
from slimbench.errors import UsageProblem
from slimbench.history import write
from slimbench.history.document import HistoryError
from slimbench.history.record import History, record
from slimbench.measurement.stopwatch import Stopwatch
from slimbench.metrics.latency import time_invocations
from slimbench.paths import short
from slimbench.pixels import MODES
from slimbench.plugin import DESELECTED, measures_model
from slimbench.progress import BuildProgress
from slimbench.pytest_suite.pytest_session import say, uncaptured, unfinished_status
from slimbench.report import words
from slimbench.report.table import table
from slimbench.report.words import Lang
from slimbench.run import evaluations
from slimbench.run.document import Status, benchmark_frame, document
from slimbench.run.plan import Plan, check_writable
from slimbench.run.preflight import preflight
from slimbench.run.session import Run
from slimbench.spec import Budget, Case, Choices, Group, PixelMode, Step
from slimbench.suite.profiles import OF_EVERY_PROFILE, Profile, load_profiles
from slimbench.suite.toml_file import read_toml
from slimbench.user_models.prepare import prepare
from slimbench.user_models.request import Request

ENGINE = "litert"
"""The runtime that models are measured with."""

NOTICE = re.compile(r"(INFO: .*\n?)+")
"""What LiteRT writes on the error stream when it loads a model."""


@dataclass(frozen=True, slots=True)
class ModelTest:
    """What a test asks of one model; the arguments of `slimbench.plugin.Slim`."""

    path: Path
    name: str
    reference: Path | None = None
    data: Path | None = None
    labels: Path | None = None
    pixels: PixelMode | None = None
    images: int = 5000
    threads: int = 1
    budget_file: Path | None = None
    limits: Mapping[str, Any] = field(default_factory=dict)

    @property
    def case(self) -> Case:
        """The row of the history that it becomes."""
        return Case(self.name, ENGINE, self.threads)

    def check(self) -> None:
        """Raise UsageProblem, naming the argument, where something cannot be."""
        if self.pixels is not None and self.pixels not in MODES:
            raise UsageProblem(f"pixels={self.pixels!r}: there is {', '.join(map(repr, MODES))}.")
        for argument, least, most in (("images", 1, None), ("threads", 1, cores())):
            value = getattr(self, argument)
            is_whole = isinstance(value, int) and not isinstance(value, bool)
            if not is_whole or value < least or (most is not None and value > most):
                reach = f"from {least} up" if most is None else f"from {least} to {most}"
                raise UsageProblem(f"{argument}={value!r}: must be a whole number {reach}.")
        make_budgets(self.case, self.limits)
        for name in self.limits:
            figure = kinds()[name].figure
            if figure.against_reference and self.reference is None:
                raise UsageProblem(
                    f"{name} compares with a reference: name its file, reference='float.tflite'."
                )
            if figure.on_images and self.data is None:
                raise UsageProblem(
                    f"{name} needs images to score on: name them, data='photos/', with a folder "
                    "for each class."
                )


class SlimSession:
    """The models measured in one pytest session; saves their history at its end."""

    def __init__(
        self,
        config: pytest.Config,
        profile: str,
        results: Path,
        lang: Lang | None,
    ) -> None:
        self._config = config
        self._profile = profile
        self._results = results
        self._lang: Lang = lang or words.language(os.environ)
        self._stopwatch = Stopwatch()
        self._run: Run | None = None
        self._preflight: Mapping[str, Any] = {}
        self._tests: dict[str, str] = {}
        """By model's name, the test that measures it."""
        self._history: History | None = None
        self._problem = ""

    def measure(self, test: ModelTest, benchmark: Callable[[], Any], node: str) -> list[str]:
        """Measure a model; return a sentence for each budget that it breaks.

        Args:
            test: the model and what it has to keep.
            benchmark: returns pytest-benchmark's fixture, which times the single invocations.
            node: the id of the test that asks.

        Raises:
            UsageProblem: Something that was asked for cannot be; the sentence names it.
            ValueError: The model cannot be scored, or its file cannot be read.
        """
        test.check()
        if test.name in self._tests:
            raise UsageProblem(
                f"Two models are called {test.name!r}, here and in {self._tests[test.name]}. "
                "Give one a name of its own, name='...'."
            )
        check_writable(self._results)
        say(self._config)  # what follows begins a line
        console = Console(stderr=True, soft_wrap=True)
        with uncaptured(self._config), BuildProgress(console) as progress:
            run = self._joined(test, progress)
            run.build([test.case], progress)
        if not self._preflight:
            self._preflight = preflight()
            warnings = [f"WARNING: {warning}" for warning in self._preflight["warnings"]]
            say(
                self._config,
                f"slimbench: the history goes to {short(self._results)}.",
                *warnings,
            )
        result = run.result(test.case)
        if isinstance(result, Failure):
            raise UsageProblem(f"{test.path} cannot be measured: {result.reason}")
        self._tests[test.name] = node
        subject = run.subject(test.case)
        session = subject.session
        with self._stopwatch.spending("measure"):
            timer = benchmark()
            subject.samples = time_invocations(timer, session, subject.example)
        timer.stats.param = test.case.id  # by which the document finds a case's times
        groups: tuple[Group, ...] = OF_EVERY_PROFILE
        judged = [judgement for group in groups for judgement in run.hold(test.case, group)]
        run.release(test.case)
        return [judgement.sentence for judgement in judged if judgement.verdict == "fail"]

    def _joined(self, test: ModelTest, progress: BuildProgress) -> Run:
        """Return the run with a test's model and its reference added to its plan."""
        store = Store()
        store.prepare()
        models = [f"{test.name}={test.path}"]
        reference = test.name
        if test.reference is not None:
            reference = _reference_name(test.reference, test.name)
            models.insert(0, f"{reference}={test.reference}")
        request = Request(tuple(models), test.labels, test.pixels, profile=self._profile)
        choices = Choices(data=test.data, limit=test.images)
        added = prepare(request, choices, None, store, watcher=progress, taken=load_profiles())
        if self._run is None:
            self._run = Run(self._empty_plan(added.profile, store), self._stopwatch)
        plan = self._run.plan
        evaluations = {name: variant.evaluation for name, variant in added.variants.items()}
        self._run.plan = replace(
            plan,
            variants={**plan.variants, **added.variants},
            cases=(*plan.cases, test.case),
            evaluations={**plan.evaluations, **evaluations},
            budgets=(*plan.budgets, *_budgets(test, self._profile)),
            references={**plan.references, test.name: reference},
        )
        return self._run

    def _empty_plan(self, profile: Profile, store: Store) -> Plan:
        store.remember_results(self._results)
        return Plan(
            profile=profile,
            variants={},
            cases=(),
            default_cases=(),
            evaluations={},
            budgets=(),
            seed=profile.seed,
            lang=self._lang,
            results=self._results,
            store=store,
        )

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> Generator[None]:
        """Save the history before other plugins write their files, which may fail."""
        self._save(session, exitstatus)
        try:
            return (yield)
        except Exception:  # pytest then shows no summary
            if self._history is not None:
                say(self._config, self._history_line(self._history))
            raise

    def _save(self, session: pytest.Session, exitstatus: int) -> None:
        """Save what was measured to its end as one history."""
        run = self._run
        if run is None or not run.finished:
            return
        frame = benchmark_frame(self._config, self._config.rootpath)
        status = self._status(session, run, exitstatus)
        content = document(run, frame, status=status, preflight=self._preflight)
        if not content["benchmarks"]:
            return
        try:
            path = write.save(content, self._results, get_machine_id())
        except HistoryError as error:
            self._problem = str(error)
            session.exitstatus = pytest.ExitCode.INTERNAL_ERROR
            return
        self._history = record(content, path)

    def _status(self, session: pytest.Session, run: Run, exitstatus: int) -> Status:
        """Say whether everything was measured that the collected tests ask for."""
        asking = {item.nodeid for item in session.items if measures_model(item)}
        measured = {
            self._tests[case.variant]
            for case in run.finished
            if run.is_finished(case, OF_EVERY_PROFILE)
        }
        if not asking <= measured:
            return unfinished_status(session, exitstatus)
        return "partial" if self._config.stash.get(DESELECTED, False) else "complete"

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Leave the runtime's notice out of the report of a broken budget."""
        report = yield
        if measures_model(item):
            report.sections = [
                (title, text) for title, text in report.sections if not NOTICE.fullmatch(text)
            ]
        return report

    def _scored_on(self) -> Collection[Step | None]:
        return () if self._run is None else self._run.plan.evaluations.values()

    def _history_line(self, history: History) -> str:
        return f"{words.WORDS[self._lang].history} {short(history.path)}"

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Show the table, and where the history is."""
        if self._history is not None:
            replace_unknown_characters()
            terminalreporter.section(f"slimbench: {self._profile}", sep="=")
            terminalreporter.write_line(table(self._history, self._lang))
            terminalreporter.write_line("")
            terminalreporter.write_line(self._history_line(self._history))
            if reason := self._history.commit_reason:
                sentence = words.WORDS[self._lang].no_commit.format(reason=reason)
                terminalreporter.write_line(sentence, yellow=True)
            for note in evaluations.remarks(self._scored_on()):
                terminalreporter.write_line(note, yellow=True)
        if self._problem:
            terminalreporter.write_line(self._problem, red=True)


def name_of(path: Path) -> str:
    """Return what a model is called by its file's name: without ending and strange characters."""
    return re.sub(r"[^A-Za-z0-9_.]+", "_", path.stem).strip("_.")[:80] or "model"


def _reference_name(reference: Path, model: str) -> str:
    """Return what the reference is called: its file's name, marked where the model has the same."""
    name = name_of(reference)
    return f"{name}_reference" if name == model else name


def _budgets(test: ModelTest, profile: str) -> tuple[Budget, ...]:
    """Return a test's budgets: those of its file, then those that it names itself."""
    named = make_budgets(test.case, test.limits)
    if test.budget_file is None:
        return named
    tables = read_toml(test.budget_file, BudgetError).tables.get(profile, {})
    others = {name for name in tables if name != EVERY} if isinstance(tables, dict) else set()
    known = {each.name: each.variants for each in load_profiles().values()}
    variants = {**known, profile: [test.name, *sorted(others - {test.name})]}
    from_file = load_budgets(test.budget_file, profile, variants, engines.names())
    overridden = {budget.name for budget in named}
    return (
        *(
            budget
            for budget in from_file
            if budget.variant == test.name and budget.name not in overridden
        ),
        *named,
    )
