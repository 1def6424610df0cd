from __future__ import annotations

import dataclasses

import pytest

from slimbench.calibrate import report
from slimbench.calibrate.design import batches
from slimbench.calibrate.rates import ProfileRates, Rate, groups, in_profiles, judge_again
from slimbench.calibrate.record import Calibration, Comparison
from slimbench.calibrate.report import targets
from tests.calibrate.simulated import Machine, measured


@pytest.fixture(scope="module")
def found() -> list[Comparison]:
    with pytest.MonkeyPatch.context() as patch:
        return measured(batches()[:24], Machine(), patch, drift=0.12)


@pytest.fixture(scope="module")
def profiles(found: list[Comparison]) -> list[ProfileRates]:
    return in_profiles(found, draws=30)


def test_each_truth_is_counted_apart(found: list[Comparison]) -> None:
    counted = {(group.burner, group.slowdown): group for group in groups(found)}
    nulls = [each for each in found if each.slowdown == 0 and not each.burner]
    assert counted[False, 0].red == Rate(0, len(nulls))
    assert counted[False, 0].unpaired.count == len(nulls)  # the machine drifts by 12 %
    assert counted[True, 0].red.total == sum(each.burner for each in found)
    assert counted[False, 5].red.count == counted[False, 5].red.total > 0
    assert counted[False, 5].change == pytest.approx(0.05, abs=0.01)
    assert counted[False, 2].red.count == 0


def test_raw_ratios_judged_again_get_the_same_verdicts(found: list[Comparison]) -> None:
    assert judge_again(found) == found


def test_what_would_be_looked_at_again_today_is_inconclusive(found: list[Comparison]) -> None:
    slow = next(each for each in found if each.slowdown == 20)
    (again,) = judge_again([dataclasses.replace(slow, second=None)])
    assert again.verdict == "inconclusive"
    (profile,) = in_profiles([*found, again], draws=3)[-1:]
    assert profile.inconclusive.count == 1


def test_intervals_are_exact() -> None:
    low, high = Rate(0, 300).interval
    assert low == 0
    assert high == pytest.approx(1 - 0.025 ** (1 / 300))
    assert Rate(20, 20).interval[1] == 1


def test_a_slowed_case_is_found_inside_a_whole_profile(profiles: list[ProfileRates]) -> None:
    inside = {each.slowdown: each for each in profiles}
    assert inside[0].red.count == inside[0].inconclusive.count == 0
    assert inside[0].red.total == 30
    for slowdown in (5, 8, 20):
        assert inside[slowdown].red.count == inside[slowdown].red.total > 0
        assert inside[slowdown].others_red.count == 0
    assert inside[2].red.count == 0


def test_draws_are_the_same_every_time(
    found: list[Comparison], profiles: list[ProfileRates]
) -> None:
    assert in_profiles(found, draws=30) == profiles


def test_controls_that_are_off_make_profiles_inconclusive(found: list[Comparison]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        off = measured([batches()[0]], Machine(bias=0.1), patch)
    (nulls, *_) = in_profiles([*found, *off], draws=30)
    assert nulls.inconclusive.count > 0
    assert nulls.red.count == 0


def test_without_enough_nulls_no_profile_is_made_up(found: list[Comparison]) -> None:
    assert in_profiles(found[:9]) == []


def test_a_target_is_reached_missed_or_left_open(
    found: list[Comparison], profiles: list[ProfileRates]
) -> None:
    few = {target.text: target for target in targets(groups(found), profiles)}
    assert few["false red of 300 nulls: at most 3 of 300"].reached is None
    assert few["inconclusive whole profiles: at most 10 of 200"].measured == "0 of 30"
    many = [each for each in found for _ in range(12)]
    whole = {target.text: target.reached for target in targets(groups(many), [])}
    assert whole["false red of 300 nulls: at most 3 of 300"] is True
    assert whole["red at 5 %: at least 57 of 60"] is True
    assert whole["red at 5 % inside a whole profile: at least 57 of 60"] is None


def test_tables_name_what_was_true_and_what_was_said(found: list[Comparison]) -> None:
    shown = report.rates_table(groups(found), "pipe").splitlines()
    (nulls,) = [line for line in shown if "nothing " in line and "burner" not in line]
    count = sum(each.slowdown == 0 and not each.burner for each in found)
    assert f" {count} " in nulls
    assert f"{count} (" in nulls.split("|")[-2]
    about = report.conditions(
        Calibration({"cpu": "Z80", "runtime": "9", "begun": "2026-01-02T03:04"}, tuple(found))
    )
    assert f"{len(found)} comparisons on Z80, LiteRT 9, begun 2026-01-02" in about
