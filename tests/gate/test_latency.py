"""The procedure on simulated machines, whose truth is known."""

from __future__ import annotations

from collections import Counter

import pytest

from slimbench.gate.findings import Finding
from slimbench.gate.latency import judge
from slimbench.gate.latency_comparison import control_of
from slimbench.gate.limits import Limits
from slimbench.spec import Case
from tests.gate import runs
from tests.gate.simulated import Machine, changed_pairs, silent


def simulated(few: int, many: int = 60) -> pytest.MarkDecorator:
    """Give a test the number of sessions to simulate: few, and many where slow tests run.

    Few of them have to keep the same rate of errors, and are enough to have it a whole number.
    """
    return pytest.mark.parametrize("sessions", [few, pytest.param(many, marks=pytest.mark.slow)])


FOUR = ("resnet50_f32", "resnet50_f16", "mobilenetv2_f32", "student_scratch_f32")


def rows(machine: Machine, *variants: str, limits: Limits | None = None) -> list[Finding]:
    pairs, files = changed_pairs(*variants)
    judged = judge(
        pairs,
        files,
        limits={pair.case.variant: limits or Limits() for pair in pairs},
        processes=12,
        measure=machine,
        advance=silent,
    )
    return [row for row in judged.rows if not row.reason.startswith("reported")]


def verdicts(sessions: int, growth: float, spread: float, **noise: float) -> Counter[str]:
    machine = Machine({runs.VARIANT: growth}, spread, **noise)  # type: ignore[arg-type]
    return Counter(rows(machine)[0].verdict for _ in range(sessions))


@simulated(30)
@pytest.mark.parametrize("spread", [0.006, 0.02, 0.036])
def test_no_change_is_never_red_and_hardly_ever_inconclusive(sessions: int, spread: float) -> None:
    found = verdicts(sessions, 0.0, spread)
    assert found["regression"] == 0
    assert found["inconclusive"] <= 2 / 60 * sessions


@simulated(15)
def test_a_change_inside_the_margin_is_not_red(sessions: int) -> None:
    assert verdicts(sessions, 0.02, 0.02)["regression"] <= 1 / 60 * sessions


@simulated(15)
def test_a_change_of_exactly_the_margin_is_hardly_ever_red(sessions: int) -> None:
    assert verdicts(sessions, 0.03, 0.02)["regression"] <= 4 / 60 * sessions


@simulated(15)
def test_neighbours_that_spoil_a_process_in_seven_make_nothing_red(sessions: int) -> None:
    assert verdicts(sessions, 0.0, 0.02, spoilt=0.15)["regression"] == 0


@simulated(15)
@pytest.mark.parametrize(("growth", "least"), [(0.05, 0.9), (0.08, 1.0), (0.2, 1.0)])
def test_a_slowdown_beyond_the_margin_is_found(sessions: int, growth: float, least: float) -> None:
    assert verdicts(sessions, growth, 0.015)["regression"] >= least * sessions


@simulated(15)
def test_a_slowdown_is_found_beside_spoilt_processes(sessions: int) -> None:
    assert verdicts(sessions, 0.08, 0.015, spoilt=0.15)["regression"] >= 0.95 * sessions


def test_the_one_slower_variant_is_found_among_others_and_they_stay_green() -> None:
    growth = {**dict.fromkeys(FOUR, 0.0), "mobilenetv2_f32": 0.08}
    for seed in range(15):
        found = {
            row.case.variant: row.verdict for row in rows(Machine(growth, 0.015, seed=seed), *FOUR)
        }
        assert found.pop("mobilenetv2_f32") == "regression"
        assert "regression" not in found.values()


def test_suspects_alone_are_timed_again_with_twice_the_processes() -> None:
    growth = {**dict.fromkeys(FOUR, 0.0), "mobilenetv2_f32": 0.3}
    machine = Machine(growth, 0.005)
    rows(machine, *FOUR)
    assert machine.asked == [(len(FOUR) + 1, 12), (1, 24)]


def test_nothing_is_timed_twice_where_nothing_is_suspect() -> None:
    machine = Machine({runs.VARIANT: -0.1}, 0.005)
    (row,) = rows(machine)
    assert machine.asked == [(2, 12)]
    assert row.verdict == "improved"
    assert row.change == pytest.approx(-0.1, abs=0.01)


def test_red_says_how_much_slower_with_interval_and_limit() -> None:
    (row,) = rows(Machine({runs.VARIANT: 0.1}, 0.01))
    assert row.change == pytest.approx(0.1, abs=0.015)
    assert row.interval is not None
    assert row.interval[0] < row.change < row.interval[1]
    assert "median latency +" in row.reason
    assert "the limit is 3 %" in row.reason


def test_red_comes_from_the_second_look_alone() -> None:
    class Calming(Machine):
        def __call__(self, pairs, processes, advance):  # type: ignore[no-untyped-def]
            self.growth = {runs.VARIANT: 0.2 if not self.asked else 0.0}
            return super().__call__(pairs, processes, advance)

    (row,) = rows(Calming({}, 0.005))
    assert row.verdict == "pass"
    assert row.change == pytest.approx(0.0, abs=0.01)
    assert "a first look had suspected it" in row.reason


def test_a_spread_that_hides_a_slowdown_is_inconclusive_and_says_what_would_decide() -> None:
    found = [rows(Machine({runs.VARIANT: 0.0}, 0.3, seed=seed))[0] for seed in range(12)]
    unsure = [row for row in found if row.verdict == "inconclusive"]
    assert len(unsure) >= 9
    assert all("would decide it" in row.reason or "control" in row.reason for row in unsure)
    assert any("quieter machine" in row.reason for row in unsure)


@pytest.mark.parametrize("bias", [0.05, -0.05, 0.02])
def test_a_control_that_is_off_makes_times_inconclusive_and_never_red(bias: float) -> None:
    machine = Machine({runs.VARIANT: 0.5}, 0.005, bias=bias)
    (row,) = rows(machine)
    assert row.verdict == "inconclusive"
    assert "the control is off" in row.reason
    assert len(machine.asked) == 1


@simulated(25, 100)
def test_the_control_seldom_accuses_a_good_machine(sessions: int) -> None:
    pairs, files = changed_pairs()
    off = 0
    for seed in range(sessions):
        judged = judge(
            pairs,
            files,
            limits={runs.VARIANT: Limits()},
            processes=12,
            measure=Machine({runs.VARIANT: 0.0}, 0.02, seed=seed),
            advance=silent,
        )
        off += "off" in judged.notes[0]
    assert off <= 4 / 100 * sessions


def test_the_control_is_the_slowest_baseline_under_25_ms() -> None:
    before = runs.run(*FOUR)
    latency = {"min": 29.0, "p50": 30.0, "p90": 31.0, "p99": 32.0, "mean": 30.0, "n": 640}
    runs.change(before, "resnet50_f32", latency_ms=latency)
    pairs = [runs.pair(before, before, name) for name in FOUR]
    assert pairs[control_of(pairs)].case.variant == "resnet50_f16"
    assert pairs[control_of(pairs[:1])].case.variant == "resnet50_f32"


def test_a_microsecond_is_no_regression_of_a_tiny_model() -> None:
    tiny = Machine({runs.VARIANT: 0.08}, 0.005, baseline_ms=0.01)
    assert rows(tiny)[0].verdict == "pass"
    small = Machine({runs.VARIANT: 0.08}, 0.005, baseline_ms=0.1)
    assert rows(small)[0].verdict == "regression"


def test_other_times_are_judged_only_where_a_limit_says_so() -> None:
    found = rows(Machine({runs.VARIANT: 0.2}, 0.005), limits=Limits(latency_growth_max=0.5))
    assert [(row.metric, row.verdict) for row in found] == [("latency_ms.p50", "pass")]
    limits = Limits(latency_growth_max=0.5, peak_rss_growth_max=0.1, init_growth_max=0.5)
    found = rows(Machine({runs.VARIANT: 0.2}, 0.005), limits=limits)
    assert {row.metric: row.verdict for row in found} == {
        "latency_ms.p50": "pass",
        "init_ms": "pass",
        "peak_rss_mb": "regression",
    }


def test_a_file_that_broke_its_process_is_an_error_and_the_others_are_judged() -> None:
    growth = dict.fromkeys(FOUR, 0.0)
    machine = Machine(growth, 0.005, broken={"student_scratch_f32": "the file x crashed"})
    found = {row.case: (row.verdict, row.reason) for row in rows(machine, *FOUR)}
    assert found[Case("student_scratch_f32", "litert", 1)] == ("error", "the file x crashed")
    assert found[Case("resnet50_f16", "litert", 1)][0] == "pass"
