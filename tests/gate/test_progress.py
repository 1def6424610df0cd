"""How long timing is expected to take, and what is said of it."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from slimbench.gate.progress import START_SECONDS, Watched, expected_seconds
from slimbench.gate.timer import Effort, FilePair, Readings
from slimbench.progress import seconds_left
from slimbench.spec import Advance, Case
from tests.gate import runs
from tests.gate.simulated import Machine, silent

SIDE = runs.side(runs.run("resnet50_f32", "mobilenetv2_f32"))
BIG, SMALL = (
    FilePair(Case(name, "litert", 1), Path("old"), Path("new"))
    for name in ("resnet50_f32", "mobilenetv2_f32")
)
EFFORT = Effort(block_seconds=0.015, pair_seconds=0.4, rounds=4)


def expected(*pairs: FilePair, processes: int = 12, apart: bool = False, **effort: float) -> float:
    given = Effort(**effort) if effort else EFFORT  # type: ignore[arg-type]
    return expected_seconds(pairs, processes, given, baseline=SIDE, candidate=SIDE, apart=apart)


def test_it_is_at_least_what_is_asked_to_be_measured_and_not_much_more() -> None:
    seconds = expected(SMALL, BIG)
    assert 12 * 2 * 0.4 < seconds < 12 * 2 * 0.4 * 2


def test_it_grows_with_processes_pairs_and_slow_models() -> None:
    assert expected(BIG, processes=24) == pytest.approx(2 * expected(BIG))
    assert expected(BIG, SMALL) > expected(BIG)
    assert expected(BIG, pair_seconds=0.001) > expected(SMALL, pair_seconds=0.001)


def test_a_control_starts_anew_where_each_side_has_its_environment() -> None:
    both = (BIG, BIG.against_itself())
    more = expected(*both, apart=True) - expected(*both)
    assert more == pytest.approx(12 * START_SECONDS)
    assert expected(BIG, apart=True) == expected(BIG)


def test_what_no_run_has_a_time_for_is_expected_to_take_the_effort_s_least() -> None:
    unknown = FilePair(Case("unheard_of", "litert", 1), Path("old"), Path("new"))
    assert 12 * 0.4 < expected(unknown) < expected(BIG)


def test_the_time_left_follows_the_machine_s_pace() -> None:
    assert seconds_left(100, 0, 0, 0) == 100
    assert seconds_left(100, 0, 0, 30) == 70
    assert seconds_left(100, 0.5, 50, 50) == pytest.approx(50)
    assert 50 < seconds_left(100, 0.5, 100, 100) < 100
    assert seconds_left(100, 1, 170, 170) == 0


@given(st.floats(0, 1e4), st.floats(0, 1), st.floats(0, 1e5), st.floats(0, 1e5))
def test_the_time_left_is_never_negative(
    total: float, share: float, at: float, more: float
) -> None:
    assert seconds_left(total, share, at, at + more) >= 0


def said(machine: Machine, *pairs: FilePair, processes: int = 12) -> str:
    screen = io.StringIO()
    watched = Watched(
        machine,
        lambda pairs, processes: 1.5 * len(pairs) * processes,
        Console(file=screen, width=40),
    )
    watched(pairs, processes, silent)
    return screen.getvalue()


def test_before_the_first_look_it_says_how_much_and_how_long() -> None:
    machine = Machine(dict.fromkeys(("resnet50_f32", "mobilenetv2_f32"), 0.0), 0.01)
    assert said(machine, BIG, SMALL, BIG.against_itself()) == (
        "Timing 2 pairs and a control in 12 processes, about 54 s; a suspect takes 36 s more.\n"
    )
    assert machine.asked == [(3, 12)]


def test_before_the_second_look_it_says_so() -> None:
    machine = Machine({"resnet50_f32": 0.0}, 0.01)
    assert said(machine, BIG, processes=24) == (
        "Timing 1 pair again that the first look suspected, in 24 processes, about 36 s.\n"
    )


def test_on_a_terminal_the_time_left_is_shown_and_taken_away() -> None:
    screen = io.StringIO()
    told: list[tuple[float, float]] = []

    def measure(pairs: tuple[FilePair, ...], processes: int, advance: Advance) -> list[Readings]:
        advance(6, processes)
        return [() for _ in pairs]

    console = Console(file=screen, force_terminal=True, width=80)
    watched = Watched(measure, lambda *_: 600.0, console)  # type: ignore[arg-type]
    watched([BIG], 12, lambda done, total, _="": told.append((done, total)))
    assert told == [(6, 12)]
    assert "left" in screen.getvalue()
