from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console

from slimbench.build.scheduler import Failure, Outcome
from slimbench.datasets.evaluation import Evaluation
from slimbench.progress import BuildProgress
from slimbench.run.session import Run
from slimbench.run.subject import MeasuredSubject
from slimbench.spec import Budget, Case, Session, Step, Unmeasured
from slimbench.suite.profiles import OF_EVERY_PROFILE
from tests.ready_run import GZIP_BYTES, REFERENCE, SMALL, Setup, evaluation

NO_WEIGHTS = Failure("its weights are on no disk here", missing=True)
CRASHED = Failure("RuntimeError: boom (log: x.log)")


def limit(name: str, value: float, case: Case = SMALL) -> Budget:
    return Budget(case.variant, case.engine, case.threads, name, value, line=1)


def test_a_case_is_compared_with_the_reference(tmp_path: Path) -> None:
    run = Setup(tmp_path).run()
    subject = run.subject(SMALL)
    assert subject.reference is run.subject(REFERENCE)
    assert run.subject(REFERENCE).reference is run.subject(REFERENCE)
    run.hold(SMALL, "size")
    run.hold(SMALL, "accuracy")
    assert subject.readings["size_bytes"] == subject.model.stat().st_size
    assert subject.readings["size_gzip_bytes"] == GZIP_BYTES
    assert 0 < subject.readings["size_ratio"] < 1
    assert subject.readings["accuracy_top1"] == 1
    assert subject.readings["accuracy_drop"] == -0.25


def test_cases_of_other_threads_are_compared_among_themselves(tmp_path: Path) -> None:
    others = [Case(case.variant, "litert", 2) for case in (REFERENCE, SMALL)]
    run = Setup(tmp_path, cases=[REFERENCE, SMALL, *others]).run()
    assert run.subject(others[1]).reference is run.subject(others[0])


@pytest.mark.parametrize("failure", [NO_WEIGHTS, CRASHED])
def test_without_the_reference_ratios_are_unmeasured_with_the_cause(
    tmp_path: Path, failure: Failure
) -> None:
    run = Setup(tmp_path, failures={REFERENCE.variant: failure}).run()
    run.hold(SMALL, "size")
    ratio = run.subject(SMALL).readings["size_ratio"]
    assert isinstance(ratio, Unmeasured)
    assert ratio.reason == f"the reference {REFERENCE.variant} is not there: {failure.reason}"
    assert run.subject(SMALL).readings["size_bytes"] > 0


def test_a_variant_that_was_not_built_has_no_subject(tmp_path: Path) -> None:
    run = Setup(tmp_path, failures={SMALL.variant: CRASHED}).run()
    with pytest.raises(ValueError, match="boom"):
        run.subject(SMALL)
    assert run.result(SMALL) is CRASHED


def test_only_what_cannot_be_had_is_missing(tmp_path: Path) -> None:
    other = Case("other_f32", "litert", 1)
    failures = {SMALL.variant: CRASHED, other.variant: NO_WEIGHTS}
    run = Setup(tmp_path, failures, cases=[REFERENCE, SMALL, other]).run()
    assert run.missing() == {other.variant: NO_WEIGHTS.reason}


def test_what_this_run_did_not_need_is_not_missing(tmp_path: Path) -> None:
    run = Setup(tmp_path, failures={SMALL.variant: NO_WEIGHTS}).run()
    assert run.outcome is not None
    unneeded = run.plan.variants[SMALL.variant].chain
    results = {step: each for step, each in run.outcome.results.items() if step != unneeded}
    run.outcome = Outcome(results, {})
    assert run.missing() == {}


def test_without_images_every_variant_fails_for_that(tmp_path: Path) -> None:
    run = Setup(tmp_path, images_failure=NO_WEIGHTS).run()
    for case in run.plan.cases:
        assert run.result(case) is NO_WEIGHTS
    assert run.missing() == dict.fromkeys(run.plan.variants, NO_WEIGHTS.reason)


def test_each_benchmark_judges_its_own_budgets(tmp_path: Path) -> None:
    budgets = [
        limit("size_ratio_max", 0.01),
        limit("parameters_max", 10_000),
        limit("accuracy_top1_min", 1.0),
        limit("size_bytes_max", 1, REFERENCE),
    ]
    run = Setup(tmp_path, budgets=budgets).run()
    verdicts = {each.budget.name: each.verdict for each in run.hold(SMALL, "size")}
    assert verdicts == {"size_ratio_max": "fail", "parameters_max": "pass"}
    (judged,) = run.hold(SMALL, "accuracy")
    assert (judged.budget.name, judged.verdict) == ("accuracy_top1_min", "pass")
    assert len(run.judgements) == 3


def test_a_case_is_finished_when_all_its_benchmarks_are(tmp_path: Path) -> None:
    run = Setup(tmp_path).run()
    assert not run.is_finished(SMALL, OF_EVERY_PROFILE)
    run.hold(SMALL, "size")
    assert run.is_finished(SMALL, ["size"])
    assert not run.is_finished(SMALL, OF_EVERY_PROFILE)
    assert not run.is_finished(REFERENCE, ["size"])


def test_a_benchmark_that_breaks_down_is_not_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Setup(tmp_path).run()

    def broken(*_: object, **__: object) -> None:
        raise ValueError("no scores")

    monkeypatch.setattr("slimbench.measurement.scoring.score", broken)
    with pytest.raises(ValueError, match="no scores"):
        run.hold(SMALL, "accuracy")
    assert not run.is_finished(SMALL, ["accuracy"])


def test_a_finished_case_is_freed_but_the_reference_stays(tmp_path: Path) -> None:
    run = Setup(tmp_path).run()
    before = {case: run.subject(case).session for case in (SMALL, REFERENCE)}
    for case in before:
        run.release(case)
    assert run.subject(REFERENCE).session is before[REFERENCE]
    assert run.subject(SMALL).session is not before[SMALL]
    with pytest.raises(ValueError, match="closed"):
        before[SMALL].scores()


def test_nothing_can_be_asked_before_the_build(tmp_path: Path) -> None:
    run = Setup(tmp_path).run()
    run.outcome = None
    assert run.missing() == {}
    with pytest.raises(RuntimeError, match="Nothing was built"):
        run.result(SMALL)


def test_a_build_asks_for_the_reference_too_and_credits_its_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    setup = Setup(tmp_path)
    ready = setup.run()
    built = ready.outcome
    assert built is not None
    asked: list[Step] = []

    def build(targets: list[Step], *_: object) -> Outcome:
        asked.extend(targets)
        setup.clock.now += 40
        return Outcome(built.results, {"train": 30.0})

    monkeypatch.setattr("slimbench.run.session.build", build)
    monkeypatch.setattr(
        "slimbench.run.session.load_evaluation", lambda _: Evaluation(*evaluation(), ())
    )
    run = Run(ready.plan, ready.stopwatch)
    run.build([SMALL], BuildProgress(Console(quiet=True)))
    assert {run.plan.variants[case.variant].chain for case in (REFERENCE, SMALL)} <= set(asked)
    assert run.plan.evaluations[SMALL.variant] in asked
    seconds = run.stopwatch.seconds()
    assert (seconds["train"], seconds["other"]) == (30, 10)
    run.hold(SMALL, "accuracy")
    assert run.subject(SMALL).readings["accuracy_n"] == len(evaluation()[0])


def test_what_a_further_runtime_refuses_is_missing_and_named_and_the_rest_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Case(SMALL.variant, "openvino", 1)
    its_reference = Case(REFERENCE.variant, "openvino", 1)
    run = Setup(tmp_path, cases=[REFERENCE, SMALL, its_reference, other]).run()
    load = MeasuredSubject.load

    def refusing(subject: MeasuredSubject, *_: object) -> Session:
        if subject.case == other:
            raise ValueError(f"OpenVINO cannot run {subject.model}: no such operator")
        return load(subject, "litert")

    monkeypatch.setattr(MeasuredSubject, "load", refusing)
    assert run.refusal(other) == "OpenVINO cannot run its file: no such operator"
    assert [run.refusal(case) for case in (REFERENCE, SMALL, its_reference)] == [""] * 3
    assert run.missing() == {
        SMALL.variant: "openvino: OpenVINO cannot run its file: no such operator"
    }
    assert run.absent() == {}
    run.hold(SMALL, "accuracy")
    assert other not in run.subjects


def test_a_file_that_litert_refuses_is_at_fault_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Setup(tmp_path).run()

    def refusing(*_: object) -> Session:
        raise ValueError("truncated")

    monkeypatch.setattr(MeasuredSubject, "load", refusing)
    assert run.refusal(SMALL) == ""
    with pytest.raises(ValueError, match="truncated"):
        run.hold(SMALL, "accuracy")
    assert run.missing() == {}
