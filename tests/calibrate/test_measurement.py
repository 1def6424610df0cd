from __future__ import annotations

from collections import Counter

import pytest

from slimbench.calibrate import measurement
from slimbench.calibrate.design import SIZES, Batch, Trial, batches
from slimbench.errors import UsageProblem
from slimbench.gate.timer import Broken
from tests.calibrate.simulated import Machine, files_of, measured, silent


def trials(*slowdowns: int) -> Batch:
    return Batch(0, False, tuple(Trial(SIZES[0], each) for each in slowdowns))


def test_each_comparison_gets_the_gates_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    found = measured([trials(0, 2, 5, 20)], Machine(), monkeypatch)
    assert [each.verdict for each in found] == ["pass", "pass", "regression", "regression"]
    assert [each.second is not None for each in found] == [False, False, True, True]


def test_what_is_said_alone_does_not_depend_on_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    alone = measured([trials(4)], Machine(), monkeypatch)
    many = measured([trials(*[4] * 30)], Machine(), monkeypatch)
    assert {each.verdict for each in (*alone, *many)} == {"regression"}


def test_first_looks_share_processes_with_one_control_and_second_looks_with_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    machine = Machine()
    measured([trials(0, 0, 8)], machine, monkeypatch)
    assert machine.asked == [(4, 12), (1, 24)]


def test_a_control_that_is_off_settles_nothing_and_asks_nothing_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    machine = Machine(bias=0.1)
    found = measured([trials(0, 20)], machine, monkeypatch)
    assert {each.verdict for each in found} == {"inconclusive"}
    assert all(each.control_was_off for each in found)
    assert machine.asked == [(3, 12)]


def test_pytest_benchmark_is_asked_about_the_same_files(monkeypatch: pytest.MonkeyPatch) -> None:
    found = measured([trials(0, 8, 20)], Machine(), monkeypatch)
    assert [each.unpaired_red for each in found] == [False, False, True]
    drifted = measured([trials(0, 8)], Machine(), monkeypatch, drift=0.12)
    assert [each.unpaired_red for each in drifted] == [True, True]
    assert [each.verdict for each in drifted] == ["pass", "regression"]


def test_a_burner_is_there_only_where_it_is_wanted_and_gone_afterwards(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import psutil

    seen: list[list[int]] = []

    def medians(models: list[object]) -> list[float]:
        seen.append([each.pid for each in psutil.Process().children()])
        return [0.01] * len(models)

    monkeypatch.setattr(measurement, "unpaired_medians", medians)
    for burner in (False, True):
        batch = Batch(0, burner, (Trial(SIZES[0], 0),))
        files = files_of([batch])
        measurement.measure_batch(batch, files, measure=Machine(), processes=12, advance=silent)
    assert [len(each) for each in seen] == [0, 0, 1, 1]
    assert not psutil.pid_exists(seen[-1][0])


def test_a_model_that_cannot_be_timed_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(pairs: list[object], *_: object) -> list[Broken]:
        return [Broken("the candidate's file x was refused")] * len(pairs)

    monkeypatch.setattr(measurement, "unpaired_medians", lambda models: [0.01] * len(models))
    batch = trials(0)
    with pytest.raises(UsageProblem, match="file x was refused"):
        measurement.measure_batch(
            batch, files_of([batch]), measure=broken, processes=12, advance=silent
        )  # type: ignore[arg-type]


def test_a_whole_calibration_on_a_quiet_machine_makes_no_mistake(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    some = [batch for batch in batches() if not batch.burner][:12]
    found = measured(some, Machine(spread=0.005), monkeypatch)
    said = Counter((each.slowdown > 3, each.verdict) for each in found)
    assert set(said) == {(False, "pass"), (True, "regression")}
