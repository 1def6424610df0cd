from __future__ import annotations

import pytest

from slimbench.measurement.stopwatch import Stopwatch
from tests.ready_run import Clock

NOTHING = {"import": 0, "train": 0, "convert": 0, "measure": 0, "score": 0, "other": 0}


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_what_is_booked_under_nothing_is_other(clock: Clock) -> None:
    stopwatch = Stopwatch(clock)
    clock.now += 4
    assert stopwatch.seconds() == {**NOTHING, "other": 4}
    clock.now += 1
    assert stopwatch.seconds() == {**NOTHING, "other": 5}


def test_an_inner_kind_pauses_the_one_around_it(clock: Clock) -> None:
    stopwatch = Stopwatch(clock)
    clock.now += 1
    with stopwatch.spending("score"):
        clock.now += 10
        with stopwatch.spending("measure"):
            clock.now += 100
        clock.now += 20
    clock.now += 2
    assert stopwatch.seconds() == {**NOTHING, "other": 3, "score": 30, "measure": 100}


def test_a_kind_within_itself_is_booked_once(clock: Clock) -> None:
    stopwatch = Stopwatch(clock)
    with stopwatch.spending("score"), stopwatch.spending("score"):
        clock.now += 7
    assert stopwatch.seconds() == {**NOTHING, "score": 7}


def test_seconds_before_an_error_count_and_the_kind_around_goes_on(clock: Clock) -> None:
    stopwatch = Stopwatch(clock)

    def measure_in_vain() -> None:
        with stopwatch.spending("measure"):
            clock.now += 3
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        measure_in_vain()
    clock.now += 2
    assert stopwatch.seconds() == {**NOTHING, "measure": 3, "other": 2}


def test_reading_while_something_is_measured_counts_it_so_far(clock: Clock) -> None:
    stopwatch = Stopwatch(clock)
    with stopwatch.spending("measure"):
        clock.now += 3
        assert stopwatch.seconds() == {**NOTHING, "measure": 3}
        clock.now += 1
    assert stopwatch.seconds() == {**NOTHING, "measure": 4}


def test_what_children_report_is_moved_and_not_added(clock: Clock) -> None:
    stopwatch = Stopwatch(clock)
    clock.now += 60
    stopwatch.credit({"train": 40.5, "import": 9})
    assert stopwatch.seconds() == {**NOTHING, "train": 40.5, "import": 9, "other": 10.5}


def test_children_side_by_side_leave_no_negative_time(clock: Clock) -> None:
    stopwatch = Stopwatch(clock)
    clock.now += 10
    stopwatch.credit({"train": 9, "convert": 9})
    assert stopwatch.seconds() == {**NOTHING, "train": 9, "convert": 9}
